import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareConnection } from '../../src/admission/admit.ts'
import { EventStreamBody } from '../../src/delivery/event-stream-body.ts'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'
import { Listening } from '../support/listening.ts'

const OLDEST = { from: 'oldest' }

/** The first block of a client, and the messages after it. */
function received(client: Client) {
  const [first] = client.all
  return { first: [first?.event, first?.data], messages: client.messages }
}

function get(pod: Pod, query: string, headers: Record<string, string> = {}): Response {
  return pod.sser.routes.request(`/${query}`, { headers }) as Response
}

describe('a client with from=oldest', () => {
  let fleet: Fleet
  beforeEach(async () => {
    fleet = await Fleet.of(2, { logMaxAgeMs: 20_000, logMaxBytes: 20_000 })
  })
  afterEach(() => fleet.stop())

  const send = async (pod: number, ...messages: string[]) => {
    for (const message of messages) void fleet.pod(pod).sser.send('a', message)
    await fleet.clock.advance(0)
    await settle()
  }

  it('receives the events that the log holds, and then new ones, on any Pod', async () => {
    await send(0, '1', '2')
    void fleet.pod(0).sser.send('b', 'other')
    await send(1, '3')
    const clients = fleet.pods.map((pod) => pod.open(['a'], undefined, OLDEST).flow())
    await settle()
    await send(0, '4')
    for (const client of clients) {
      expect(received(client).first).toEqual(['sser-position', '{"resumed":false,"from":"oldest"}'])
      expect(client.messages.toSorted()).toEqual(['1', '2', '3', '4'])
      expect(client.messages.indexOf('1')).toBeLessThan(client.messages.indexOf('2'))
      expect(client.errors).toEqual([])
    }
  })

  it('resumes on another Pod from its last id, and receives nothing twice', async () => {
    await send(0, '1', '2')
    const client = fleet.pod(0).open(['a'], undefined, OLDEST).flow()
    await settle()
    const { lastEventId } = client
    await client.cancel()
    await send(1, '3')
    const again = fleet.pod(1).open(['a'], lastEventId, OLDEST).flow()
    await settle()
    expect(received(again)).toEqual({ first: ['sser-position', '{"resumed":true}'], messages: ['3'] })
  })

  it('has no id before the first entry of the log, because no Pod would read it', async () => {
    await send(0, '1')
    const client = fleet.pod(0).open(['a'], undefined, OLDEST).flow()
    await settle()
    expect(client.all[0]?.id).toBeUndefined()
    expect(client.lastEventId).toMatch(/^.+-...$/)
    expect(client.messages).toEqual(['1'])
  })

  it('gets a gap first where an older event of its streams has left the log', async () => {
    await send(0, 'old')
    await fleet.clock.advance(15_000)
    await send(0, 'young')
    await fleet.clock.advance(6_000)
    const client = fleet.pod(1).open(['a'], undefined, OLDEST).flow()
    const other = fleet.pod(1).open(['b'], undefined, OLDEST).flow()
    await settle()
    expect(received(client)).toEqual({
      first: ['sser-gap', '{"reason":"trimmed","from":"oldest"}'],
      messages: ['young'],
    })
    expect(received(other).first).toEqual(['sser-position', '{"resumed":false,"from":"oldest"}'])
  })

  it('gets a gap first where the log has evicted a message of its streams', async () => {
    await send(0, ...Array.from({ length: 40 }, () => 'x'.repeat(1_000)), 'last')
    const client = fleet.pod(0).open(['a'], undefined, OLDEST).flow()
    const other = fleet.pod(0).open(['quiet'], undefined, OLDEST).flow()
    await settle()
    expect(received(client).first).toEqual(['sser-gap', '{"reason":"trimmed","from":"oldest"}'])
    expect(client.messages.at(-1)).toBe('last')
    expect(client.messages.length).toBeLessThan(41)
    expect(received(other)).toEqual({
      first: ['sser-position', '{"resumed":false,"from":"oldest"}'],
      messages: [],
    })
  })

  it('reads in the header Sser-Resume whether it gets a gap', async () => {
    expect(get(fleet.pod(0), '?stream=a&from=oldest').headers.get('sser-resume')).toBe('complete')
    expect(get(fleet.pod(0), '?stream=a&from=now').headers.has('sser-resume')).toBe(false)
    await send(0, ...Array.from({ length: 40 }, () => 'x'.repeat(1_000)))
    expect(get(fleet.pod(0), '?stream=a&from=oldest').headers.get('sser-resume')).toBe('gap')
  })
})

describe('a log with an entry that no position counts', () => {
  const open = (pod: Listening) => {
    const { hub, log } = pod.incarnation
    const { connect } = prepareConnection(pod.incarnation, ['a'], { from: 'oldest' })
    return new Client(new EventStreamBody({ hub, connect, since: log.nextIndex })).flow()
  }

  it('gives a client with from=oldest a gap at a hole, in its place', async () => {
    const pod = new Listening()
    pod.append({ stream: 'a', msg: '1' }, 'peer1')
    pod.incarnation.log.skipTo('peer1', 7, pod.clock.now())
    pod.append({ stream: 'a', msg: '8' }, 'peer1')
    const client = open(pod)
    await settle()
    expect(client.all.map(({ event = 'message', data }) => [event, data])).toEqual([
      ['sser-position', '{"resumed":false,"from":"oldest"}'],
      ['message', '1'],
      ['sser-gap', '{"reason":"peer-loss"}'],
      ['message', '8'],
    ])
  })

  it('gives a client with from=oldest a gap first after an event of a Go Pod', async () => {
    const pod = new Listening()
    pod.send('a', '1')
    pod.incarnation.log.appendV1('a', 'unnumbered', pod.clock.now())
    const client = open(pod)
    await settle()
    expect(received(client)).toEqual({
      first: ['sser-gap', '{"reason":"legacy-peer","from":"oldest"}'],
      messages: ['1'],
    })
  })
})

describe('a parameter of the URL', () => {
  let pod: Pod
  beforeEach(async () => {
    pod = (await Fleet.of(1)).pod(0)
  })

  it.each([
    ['from=yesterday', 'expected "now" or "oldest", got "yesterday"'],
    ['from=', 'expected "now" or "oldest", got ""'],
    ['from=Oldest', 'expected "now" or "oldest", got "Oldest"'],
    ['from=now&from=oldest', 'expected "now" or "oldest", got 2 values'],
    ['label=stream', 'expected "event" or "field", got "stream"'],
    ['label=', 'expected "event" or "field", got ""'],
    ['label=event&label=event', 'expected "event" or "field", got 2 values'],
  ])('with another value gets 400 and the allowed values: %s', async (query, message) => {
    const response = get(pod, `?stream=a&${query}`)
    expect([response.status, response.headers.get('sser-error')]).toEqual([400, 'invalid-parameter'])
    expect(await response.text()).toContain(message)
  })

  it('from=oldest is ignored where the request has an id, in the header or in the URL', async () => {
    await pod.sser.send('a', 'old')
    const { position = '' } = pod.sser
    for (const response of [
      get(pod, '?stream=a&from=oldest', { 'last-event-id': position }),
      get(pod, `?stream=a&from=oldest&lastEventId=${position}`),
    ]) {
      const client = new Client(response).flow()
      await settle()
      expect(received(client)).toEqual({ first: ['sser-position', '{"resumed":true}'], messages: [] })
    }
  })

  it('from=now is the default', async () => {
    await pod.sser.send('a', 'old')
    const client = pod.open(['a'], undefined, { from: 'now' }).flow()
    await settle()
    expect(received(client)).toEqual({ first: ['sser-position', '{"resumed":false}'], messages: [] })
  })
})
