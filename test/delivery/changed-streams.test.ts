import { expect, test } from 'vitest'
import { parsePosition } from '../../src/wire/position.ts'
import type { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet } from '../support/fleet.ts'
import { SEED, seededRandom } from '../support/messages.ts'

const STREAMS = ['a', 'b', 'c', 'd']

/** One time in which the client listened on a stream, from the id of the request on that added it. */
interface Period {
  stream: string
  from: string
  /** The id of the request that left it out. */
  to: string
  received: string[]
}

/** Whether a position covers an event. The last entry of an event's id is its own. */
const hasEvent = (id: string, epoch: string, seq: number) => (parsePosition(id)?.get(epoch)?.seq ?? 0) >= seq

test('a client that reconnects with other streams at its position gets each event after it once, on any Pod', async () => {
  const random = seededRandom(SEED)
  const pick = (below: number) => Math.floor(random() * below)
  const fleet = await Fleet.of(3)
  const { clock } = fleet
  // Requests between Pods take up to 80 ms, so that each Pod has events that the others lack.
  for (const [from, to] of [0, 1, 2].flatMap((one) => [0, 1, 2].map((other) => [one, other] as const)))
    fleet.link(from, to, async (deliver) => {
      await new Promise<void>((resolve) => clock.after(pick(80), resolve))
      return deliver()
    })
  const sent: { stream: string; msg: string; epoch: string; seq: number }[] = []
  const send = () => {
    const [{ sser }, stream] = [fleet.pod(pick(3)), STREAMS[pick(4)] as string]
    const msg = `${stream} ${sent.length}`
    void sser.send(stream, msg)
    const { epoch } = sser.stats()
    sent.push({ stream, msg, epoch, seq: parsePosition(sser.position as string)?.get(epoch)?.seq as number })
  }
  const ended: Period[] = []
  let open: Period[] = []
  let client: Client | undefined
  let id: string | undefined
  const collect = () => {
    for (const { data, id } of client?.events ?? []) {
      open.find(({ stream }) => data.startsWith(stream))?.received.push(data)
      const { epoch, seq } = sent[Number(data.slice(2))] as (typeof sent)[number]
      expect([...(parsePosition(id as string) ?? [])].at(-1)).toEqual([epoch, { seq }])
    }
    expect(client?.gaps ?? []).toEqual([])
    id = client?.lastEventId ?? id
  }
  const reconnect = async () => {
    await client?.cancel()
    collect()
    const streams = STREAMS.filter(() => random() < 0.5)
    if (streams.length === 0) streams.push('a')
    client = fleet.pod(pick(3)).open(streams, id).flow()
    if (id === undefined) await settle()
    id ??= client.lastEventId as string
    const at = id
    ended.push(
      ...open.filter(({ stream }) => !streams.includes(stream)).map((period) => ({ ...period, to: at })),
    )
    open = streams.map(
      (stream) =>
        open.find((period) => period.stream === stream) ?? { stream, from: at, to: '', received: [] },
    )
  }

  await reconnect()
  for (let step = 0; step < 300; step += 1) {
    send()
    if (random() < 0.5) await clock.advance(pick(60))
    if (random() < 0.2) await reconnect()
  }
  await clock.advance(5_000)
  collect()
  const periods = [...ended, ...open.map((period) => ({ ...period, to: id as string }))]
  expect(periods.length).toBeGreaterThan(50)
  for (const { stream, from, to, received } of periods) {
    const between = sent.filter(
      (one) =>
        one.stream === stream && !hasEvent(from, one.epoch, one.seq) && hasEvent(to, one.epoch, one.seq),
    )
    expect([...received].sort()).toEqual(between.map(({ msg }) => msg).sort())
  }
  await client?.cancel()
  await fleet.stop()
})
