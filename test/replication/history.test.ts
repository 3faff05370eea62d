import { describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'

/** A fleet in the middle of the last step of a migration from Go: Pods 0 and 1 have history, Pod 2 has none. */
async function mixed(): Promise<{ fleet: Fleet; pods: Record<'with' | 'also with' | 'without', Pod> }> {
  const fleet = await Fleet.of(3)
  const without = fleet.replace(2, { resume: false })
  await fleet.start(without)
  await fleet.clock.advance(10_000)
  return { fleet, pods: { with: fleet.pod(0), 'also with': fleet.pod(1), without } }
}

/** Gaps and messages that `pod` sends a client with an id. */
async function seen(pod: Pod, id: string | undefined) {
  const client = pod.open(['a'], id).flow()
  await settle()
  await pod.sser.send('a', 'live')
  await settle()
  await client.cancel()
  const told = client.gaps.map(({ data }) => JSON.parse(data).reason)
  return { gaps: told, messages: client.messages, id: client.lastEventId }
}

/** A client of `pod` that disconnected, and has missed an event since. */
async function gone(pod: Pod): Promise<string | undefined> {
  const client = pod.open(['a']).flow()
  await settle()
  await client.cancel()
  await pod.sser.send('a', 'missed')
  await settle()
  return client.lastEventId
}

const OURS = expect.stringMatching(/^[0-9A-Za-z.~]+-...$/)

describe('a fleet in which some Pods resume clients', () => {
  it('delivers each event once to the clients of all Pods', async () => {
    const { fleet, pods } = await mixed()
    const clients = Object.values(pods).map((pod) => pod.connect('a'))
    await settle()
    for (const pod of Object.values(pods)) await pod.sser.send('a', 'x')
    await fleet.clock.advance(30_000)
    for (const client of clients) expect(client.messages).toEqual(['x', 'x', 'x'])
  })

  it('resumes exactly between Pods with history, whichever Pod sent', async () => {
    const { pods } = await mixed()
    const id = await gone(pods.with)
    await pods.without.sser.send('a', 'from a Pod without')
    await settle()
    expect(await seen(pods['also with'], id)).toEqual({
      gaps: [],
      messages: ['missed', 'from a Pod without', 'live'],
      id: OURS,
    })
  })

  it.each([
    ['no id', 'with', async () => undefined, { gaps: [], messages: ['live'], id: OURS }],
    ['no id', 'without', async () => undefined, { gaps: [], messages: ['live'], id: undefined }],
    ['an integer', 'with', async () => '17', { gaps: ['invalid-id'], messages: ['live'], id: OURS }],
    ['an integer', 'without', async () => '17', { gaps: ['invalid-id'], messages: ['live'], id: '' }],
    ['an id', 'with', gone, { gaps: [], messages: ['missed', 'live'], id: OURS }],
    ['an id', 'without', gone, { gaps: ['invalid-id'], messages: ['live'], id: '' }],
  ] as const)('a client that comes with %s to a Pod %s it', async (_, where, come, outcome) => {
    const { pods } = await mixed()
    expect(await seen(pods[where], await come(pods['also with']))).toEqual(outcome)
  })

  it('loses without a gap only the events that a client misses on its way from a Pod without history', async () => {
    const { pods } = await mixed()
    const { id } = await seen(pods.without, await gone(pods.with))
    expect(id).toBe('')
    await pods.with.sser.send('a', 'untold')
    // No browser sends an empty id.
    expect(await seen(pods.with, undefined)).toMatchObject({ gaps: [], messages: ['live'] })
  })

  it('lets a new Pod with history fetch the log from a Pod without', async () => {
    const { fleet, pods } = await mixed()
    const id = await gone(pods.with)
    for (const i of [0, 1]) {
      const stopping = fleet.pod(i).sser.stop()
      await fleet.clock.advance(5_000)
      await stopping
    }
    const late = fleet.replace(0)
    await fleet.start(late)
    expect(await seen(late, id)).toMatchObject({ gaps: [], messages: ['missed', 'live'] })
  })
})
