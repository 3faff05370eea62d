import { describe, expect, it } from 'vitest'
import { prepareConnection } from '../../src/admission/admit.ts'
import { EventStreamBody } from '../../src/delivery/event-stream-body.ts'
import { Reader } from '../../src/delivery/reader.ts'
import { FrameText } from '../../src/delivery/stream-connection.ts'
import { formatPosition } from '../../src/wire/position.ts'
import { settle } from '../support/clock.ts'
import { Listening } from '../support/listening.ts'

const STREAMS = Array.from({ length: 32 }, (_, i) => `s${i}`)
const MANY = 40_000

/** A Pod with a log full of small events: its own on the 32 streams, and those of a peer on others. */
function podWithPast(): Listening {
  const pod = new Listening()
  pod.append({}, 'peer1')
  for (let i = 0; i < MANY; i += 1) {
    pod.send(STREAMS[i % 32] as string, 'x')
    pod.append({ stream: 'other', msg: 'x' }, 'peer1')
  }
  return pod
}

/** A reader that resumes with an id, and the distance that each slice moves its cursor. */
function steps(pod: Listening, claims: [string, number][]): number[] {
  const { log } = pod.incarnation
  const reader = new Reader(log, STREAMS)
  expect(reader.resume(formatPosition(claims), 4_096, pod.clock.now())).toBeUndefined()
  const moves: number[] = []
  while (reader.cursor < log.nextIndex) {
    const before = reader.cursor
    reader.slice(new FrameText(true), pod.clock.now())
    moves.push(reader.cursor - before)
  }
  return moves
}

describe('a slice of the log', () => {
  it('reads a bounded number of entries, also if it sends none', async () => {
    const pod = podWithPast()
    const moves = steps(pod, [
      [pod.incarnation.log.epoch, pod.incarnation.log.ownSeq],
      ['peer1', 1],
    ])
    // Every second entry is of a stream of the reader, so it reads half of the entries that it passes.
    expect(Math.max(...moves)).toBeLessThanOrEqual(2 * 2_100)
    expect(moves.length).toBeGreaterThan(MANY / 2_100)
  })

  it('reads only the few old entries that its client lacks', async () => {
    const pod = podWithPast()
    expect(
      steps(pod, [
        [pod.incarnation.log.epoch, pod.incarnation.log.ownSeq],
        ['peer1', MANY - 10],
      ]),
    ).toHaveLength(1)
  })

  it('is read once per connection: the response has the gap of the connection', async () => {
    const pod = new Listening({ logMaxBytes: 20_000 })
    for (let i = 0; i < 30; i += 1) pod.send('a', 'x'.repeat(1_000))
    const id = formatPosition([[pod.incarnation.log.epoch, 1]])
    const { connect, gap } = prepareConnection(pod.incarnation, ['a'], { lastEventId: id })
    expect(gap).toBe('trimmed')
    const { hub, log } = pod.incarnation
    const reader = new EventStreamBody({ hub, connect, since: log.nextIndex }).getReader()
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toContain('{"reason":"trimmed"}')
    await reader.cancel()
    await settle()
    expect(pod.incarnation.hub.size).toBe(0)
  })
})

describe('a client of several streams that lacks evicted events of one', () => {
  it('gets one gap, and all events of the others', () => {
    const pod = new Listening({ logMaxBytes: 200_000 })
    const { log } = pod.incarnation
    const id = formatPosition([[log.epoch, log.ownSeq]])
    for (let i = 0; i < 4_000; i += 1) {
      pod.send('busy', 'x'.repeat(400))
      if (i % 40 === 0) pod.send('quiet', `${i}`)
    }
    const reader = new Reader(log, ['busy', 'quiet'])
    expect(reader.resume(id, 4_096, pod.clock.now())).toBe('trimmed')
    let text = ''
    while (reader.cursor < log.nextIndex) {
      const frames = new FrameText(true)
      reader.slice(frames, pod.clock.now())
      text += frames.text
    }
    expect(text).not.toContain('sser-gap')
    expect(text.match(/^data: \d+$/gm)).toHaveLength(100)
  })
})

describe('a client whose unread events were evicted', () => {
  it('gets one gap, and none for the events of other streams', () => {
    const pod = new Listening({ logMaxBytes: 200_000 })
    const { log } = pod.incarnation
    const slow = new Reader(log, ['busy'])
    const other = new Reader(log, ['quiet'])
    pod.send('quiet', 'seen')
    for (let i = 0; i < 1_000; i += 1) pod.send('busy', 'x'.repeat(400))
    expect(slow.skipEvicted(pod.clock.now())).toBe(true)
    expect(slow.skipEvicted(pod.clock.now())).toBe(false)
    for (let i = 0; i < 1_000; i += 1) pod.send('busy', 'x'.repeat(400))
    expect(slow.skipEvicted(pod.clock.now())).toBe(true)
    expect(other.skipEvicted(pod.clock.now())).toBe(false)
    const frames = new FrameText(true)
    other.slice(frames, pod.clock.now())
    expect(frames.text).toContain('data: seen')
  })
})
