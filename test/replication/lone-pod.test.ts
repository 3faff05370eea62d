import { describe, expect, it } from 'vitest'
import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { Fleet, hung, refused } from '../support/fleet.ts'

const SETTINGS = { drainTimeoutMs: 0 }

/** A fleet in which only the first Pod runs. `lines`: its log, with the level of each line. */
async function firstOf(size: number) {
  const fleet = new Fleet(size, SETTINGS)
  const lines: string[] = []
  const log = (level: string) => (line: string) => void lines.push(`${level} ${line.replace('sser: ', '')}`)
  const pod = fleet.replace(0, { logger: { info: log('info'), warn: log('warn') } })
  for (let i = 1; i < size; i += 1) fleet.cut(0, i)
  await fleet.start(pod)
  lines.splice(0, 2)
  return { fleet, lines, pod, stop: () => stopNow(fleet, pod) }
}

/** Stops the first Pod, and returns how long that takes. */
async function stopNow(fleet: Fleet, { sser }: Fleet['pods'][number]): Promise<number> {
  const from = fleet.clock.now()
  let tookMs: number | undefined
  void sser.stop().then(() => {
    tookMs = fleet.clock.now() - from
  })
  await fleet.clock.until('the Pod stops', () => tookMs !== undefined)
  return tookMs as number
}

describe('the first Pod of a fleet', () => {
  it('logs that it is alone, and causes no error, until a peer responds', async () => {
    const { fleet, lines, pod } = await firstOf(3)
    await fleet.clock.advance(60_000)
    expect((await pod.sser.send('a', 'x')).peers).toMatchObject([{ status: 'failed' }, { status: 'failed' }])
    expect(lines).toEqual([
      expect.stringMatching(
        /^info is ready; its list of peers has 3 entries, but no peer runs yet \(10\.0\.0\.[12]:7000: fetch failed: connect ECONNREFUSED, and 1 more\); events reach the clients of this Pod alone until a peer responds$/,
      ),
    ])
    expect(pod.errors).toEqual([])
    fleet.link(0, 1)
    fleet.link(1, 0)
    await fleet.start(fleet.pod(1))
    await fleet.clock.until('it meets a peer', () => lines.length > 1)
    expect(lines.slice(1)).toEqual(['info peer 10.0.0.1:7000 has answered: this Pod is not alone any more'])
  })

  it('logs that it runs alone if its list has no other Pod, and the first response of a peer', async () => {
    const fleet = new Fleet(2, SETTINGS)
    const lines: string[] = []
    const finder = new ChangingPeerFinder([{ address: '10.0.0.0' }])
    const logger = {
      info: (line: string) => void lines.push(line),
      warn: (line: string) => void lines.push(line),
    }
    const pod = fleet.replace(0, { peerFinder: finder, logger })
    await fleet.start(pod)
    expect(lines.at(-1)).toBe(
      'sser: is ready and runs alone, because the first list of its peerFinder has no Pod but this one: events reach the clients of this Pod only until a peer responds',
    )
    lines.length = 0
    finder.set([{ address: '10.0.0.0' }, { address: '10.0.0.1' }])
    await fleet.start(fleet.pod(1))
    await fleet.clock.until('it meets a peer', () => lines.length > 0)
    expect(lines).toEqual(['sser: peer 10.0.0.1:7000 has answered: this Pod is not alone any more'])
  })

  it('gives the other Pods time to start from the first response on, and then warns of each that is absent', async () => {
    const { fleet, lines, pod } = await firstOf(3)
    await fleet.clock.advance(60_000)
    fleet.link(0, 1)
    fleet.link(1, 0)
    await fleet.start(fleet.pod(1))
    await fleet.clock.until('they know each other', () => lines.length === 2)
    await fleet.clock.until('the third Pod counts as lost', () => lines.length === 3, 20_000)
    expect(lines[2]).toMatch(/^warn peer 10\.0\.0\.2:7000: sending events failed, retrying: /)
    fleet.heal()
    await fleet.start(fleet.pod(2))
    await fleet.clock.advance(5_100)
    expect(lines.slice(3)).toEqual(['warn peer 10.0.0.2:7000 is back'])
    expect(pod.errors[0]?.context).toEqual({ stage: 'append', peer: '10.0.0.2:7000' })
  })
})

describe('a Pod that stops', () => {
  it.each([
    ['refuses connections', refused],
    ['hangs', hung],
  ])('does not wait for a peer that has never responded and %s', async (_, fault) => {
    const { fleet, pod, stop } = await firstOf(2)
    fleet.cut(0, 1, fault)
    await fleet.clock.advance(10_000)
    const sending = pod.sser.send('a', 'x')
    await fleet.clock.advance(1_000)
    expect((await sending).peers).toHaveLength(1)
    expect(await stop()).toBeLessThanOrEqual(20)
  })

  it('does not wait for a peer that has not responded to its first request within ackTimeoutMs', async () => {
    const { fleet, pod, stop } = await firstOf(2)
    fleet.cut(0, 1, hung)
    // The peer is in the list of a new incarnation of the Pod, whose first request hangs.
    const second = fleet.replace(0, { initialSyncTimeoutMs: 0 })
    await fleet.start(second)
    const sending = second.sser.send('a', 'x')
    await fleet.clock.advance(1_000)
    expect((await sending).peers).toMatchObject([{ status: 'pending' }])
    expect(await stopNow(fleet, second)).toBe(0)
    expect([pod.sser.state, await stop()]).toEqual(['ready', 0])
  })

  it('sends a last request to a peer that has never responded, which may have started by now', async () => {
    const { fleet, lines, pod, stop } = await firstOf(2)
    await fleet.clock.advance(30_000)
    await pod.sser.send('a', 'x')
    const listener = await listening(fleet)
    expect(await stop()).toBeLessThan(100)
    expect(listener.messages).toEqual(['x'])
    expect(lines.at(-1)).toBe('info has stopped')
  })

  it('logs the peers that it waits for, and those that lack events at its end', async () => {
    const { fleet, lines, pod, stop } = await firstOf(2)
    fleet.heal()
    await fleet.start(fleet.pod(1))
    await fleet.clock.until('the link is up', () => pod.sser.peers.some(({ state }) => state === 'connected'))
    fleet.cut(0, 1, refused)
    await pod.sser.send('a', 'x')
    lines.length = 0
    expect(await stop()).toBe(10_000)
    expect(lines.filter((line) => !line.includes('sending events failed'))).toEqual([
      'info stops, with events that 1 peer may lack sent within 10000 ms (flushTimeoutMs)',
      'info waits for peers that lack events, within 10000 ms (flushTimeoutMs): 10.0.0.1:7000',
      'warn has stopped, and peers may lack events of this Pod: 10.0.0.1:7000',
    ])
  })
})

/** Starts the second Pod with links in one direction alone, so that it cannot fetch anything itself. */
async function listening(fleet: Fleet) {
  const listener = fleet.pod(1)
  await fleet.start(listener)
  fleet.link(0, 1)
  return listener.connect('a')
}
