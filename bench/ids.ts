// npm run bench:ids: how long an SSE id is, in fleets of the real code on virtual time.
import { Fleet } from '../test/fixtures/fleet.ts'

const QUIET_MS = 60_000
const EVENTS = 1_000
/** One Pod after another is replaced so often, as by a rolling update with `maxSurge: 1`. */
const REPLACE_MS = 10_000

const length = (fleet: Fleet) =>
  fleet.pods.map(({ sser }) => sser.position.length).reduce((a, b) => Math.max(a, b))

async function send(fleet: Fleet, events: number): Promise<void> {
  for (const { sser } of fleet.pods) {
    const sending = Array.from({ length: events }, () => sser.send('orders', 'x'))
    await fleet.clock.advance(10)
    await Promise.all(sending)
  }
}

console.log('Bytes of an id, the longest of any Pod; with n Pods each')
console.log(
  'Pods | quiet for 60 s | after 1,000 events each | the most while all are replaced, one each 10 s',
)
for (const size of [3, 10, 50]) {
  const fleet = await Fleet.of(size)
  await fleet.clock.advance(QUIET_MS)
  const quiet = length(fleet)
  await send(fleet, EVENTS)
  const sending = length(fleet)
  let most = 0
  for (let i = 0; i < size; i += 1) {
    const stopping = fleet.pod(i).sser.stop()
    await fleet.clock.advance(REPLACE_MS / 2)
    await stopping
    await fleet.start(fleet.replace(i))
    await send(fleet, 1)
    await fleet.clock.advance(REPLACE_MS / 2)
    most = Math.max(most, length(fleet))
  }
  console.log([size, quiet, sending, most].join(' | '))
}
