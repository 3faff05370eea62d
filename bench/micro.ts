// npm run bench:micro: cost of each part of an event's path. Absolute times depend on the machine;
// read the rows of a group as ratios to its first row, the control without sser.
import { bench, run, summary } from 'mitata'
import { Reader } from '../src/delivery/reader.ts'
import { FrameText } from '../src/delivery/stream-connection.ts'
import { Log } from '../src/log/log.ts'
import { encodeAppend, parseAppend } from '../src/wire/append-message.ts'
import { formatPosition, parsePosition } from '../src/wire/position.ts'
import { eventFrame } from '../src/wire/sse-frame.ts'
import { encodeV1, parseV1 } from '../src/wire/v1.ts'
import { plainMessage, seededRandom } from '../test/support/messages.ts'

const random = seededRandom(1)
const messages = Array.from({ length: 1_000 }, () => plainMessage(random, 100))
const encoder = new TextEncoder()
const position = new Map(['aaaaa', 'bbbbb', 'ccccc'].map((epoch, i) => [epoch, 1_000 + i]))
const id = formatPosition(position)
let turn = 0
const next = () => messages[turn++ % messages.length] as string

function fullLog(): Log {
  const log = new Log({
    epoch: 'aaaaa',
    maxAgeMs: 120_000,
    maxBytes: 16_777_216,
    isResumable: true,
  })
  for (let i = 0; i < 10_000; i += 1) log.append('aaaaa', { stream: 'orders', msg: next() }, 0, 0)
  return log
}

summary(() => {
  bench('control: encode the text alone', () => encoder.encode(next()))
  bench('frame: one event with its id, encoded', () => encoder.encode(eventFrame({ id, msg: next() })))
})

summary(() => {
  bench('control: JSON.stringify a position of 3', () => JSON.stringify([...position]))
  bench('position: print one of 3', () => formatPosition(position))
  bench('position: read one of 3', () => parsePosition(id))
})

summary(() => {
  const list: unknown[] = []
  bench('control: push 10,000 objects', () => {
    list.length = 0
    for (let i = 0; i < 10_000; i += 1) list.push({ stream: 'orders', msg: next() })
  })
  bench('log: append 10,000 events', fullLog)
})

summary(() => {
  const events = messages.map((msg, i) => ({ seq: i + 1, age: 3, stream: 'orders', msg }))
  const text = encodeAppend({
    epoch: 'aaaaa',
    position,
    runs: [{ epoch: 'aaaaa', prev: 0, idle: 0, events }],
  })
  bench('control: JSON.parse an append of 1,000 events', () => JSON.parse(text))
  bench('append: read and check the same', () => parseAppend(text))
})

summary(() => {
  const text = encodeV1({ stream: 'orders', msg: messages[0] as string })
  bench('control: JSON.parse the event of a Go Pod', () => JSON.parse(text))
  bench('v1: read and check the same', () => parseV1(text))
})

summary(() => {
  const log = fullLog()
  bench('control: frame 10,000 events', () => {
    let text = ''
    for (let i = 0; i < 10_000; i += 1) text += eventFrame({ id, msg: next() })
    return encoder.encode(text)
  })
  bench('replay: 10,000 events to one client', () => {
    const reader = new Reader(log, ['orders'])
    reader.cursor = 0
    let bytes = 0
    while (reader.cursor < log.nextIndex) {
      const frames = new FrameText(true)
      reader.slice(frames, 0)
      bytes += encoder.encode(frames.text).byteLength
    }
    return bytes
  })
})

await run()
