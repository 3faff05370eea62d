import { Fleet } from '../../test/support/fleet.ts'

const QUIET_MS = 60_000
const EVENTS = 1_000
/** Interval of the replacements of Pods, one after another, as in a rolling update with `maxSurge: 1`. */
const REPLACE_MS = 10_000

/** Bytes of the longest id of any Pod. */
export interface IdBytes {
  /** Bytes in a fleet that was quiet for a minute. */
  quiet: number
  /** Bytes after 1,000 events of each Pod. */
  sending: number
  /** Maximum while all Pods are replaced, one every 10 s. */
  replaced: number
}

/** Returns the length of ids in a fleet of `pods` Pods: the real code on virtual time. */
export async function idBytes(pods: number): Promise<IdBytes> {
  const fleet = await Fleet.of(pods)
  await fleet.clock.advance(QUIET_MS)
  const quiet = longest(fleet)
  await send(fleet, EVENTS)
  const sending = longest(fleet)
  let replaced = 0
  for (let i = 0; i < pods; i += 1) {
    const stopping = fleet.pod(i).sser.stop()
    await fleet.clock.advance(REPLACE_MS / 2)
    await stopping
    await fleet.start(fleet.replace(i))
    await send(fleet, 1)
    await fleet.clock.advance(REPLACE_MS / 2)
    replaced = Math.max(replaced, longest(fleet))
  }
  return { quiet, sending, replaced }
}

function longest(fleet: Fleet): number {
  return fleet.pods.map(({ sser }) => (sser.position as string).length).reduce((a, b) => Math.max(a, b))
}

async function send(fleet: Fleet, events: number): Promise<void> {
  for (const { sser } of fleet.pods) {
    const sending = Array.from({ length: events }, () => sser.send('orders', 'x'))
    await fleet.clock.advance(10)
    await Promise.all(sending)
  }
}
