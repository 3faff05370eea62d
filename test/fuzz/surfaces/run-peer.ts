import { SserError } from '../../../src/errors.ts'
import type { Run } from '../../../src/runs/run.ts'
import type { RunReader } from '../../../src/runs/run-reader.ts'
import type { Runs } from '../../../src/runs/runs.ts'
import { parseRunsAnswer } from '../../../src/wire/run-messages.ts'
import { FakeExchange } from '../../support/fake-exchange.ts'
import { newIncarnation } from '../new-incarnation.ts'
import { fieldsOf, type Json, type Surface } from '../surface.ts'

/** Stands for the epoch of the Pod itself; its run has the seq 1. */
const OWN = 'own00'
const OWN_RUN = `${OWN}:1`
/** Small, so that there are too many runs at times. */
const MAX_RUNS = 2
const MAX_RECORDS = 16 * MAX_RUNS
const MAX_BYTES = 1_048_576
const MAX_WAIT_MS = 400_000
const MAX_READERS = 8
const MAX_CHUNK = 400_000
const MAX_STARTS = 1_000

const start = { epoch: 'peer1', prev: 0, idle: 0, events: [{ seq: 1, age: 0, run: { start: 'chat' } }] }
const replaced = {
  ...{ epoch: 'peer1', prev: 1, idle: 0 },
  events: [
    { seq: 2, age: 0, run: { end: 1, state: 'ended', reason: 'done', chunks: 3 } },
    { seq: 3, age: 0, run: { start: 'chat', replaces: 'peer1:1' } },
    { seq: 4, age: 0, run: { cancel: OWN_RUN } },
  ],
}
const parts = (...all: object[]) => ({ say: { runLogs: { parts: all } } }) as Json
const hello = { say: { v: 2, epoch: 'peer1', position: {}, runLogs: true } } as Json
const end = { state: 'ended', reason: 'done', chunks: 3 }

/** Messages about runs that a lying peer sends, in an exchange and in requests, to a Pod with a run and readers. */
export const runPeer: Surface<string | undefined> = {
  name: 'run-peer',
  corpus: [
    [
      hello,
      { say: { runs: [start] } } as Json,
      { read: 'chat' },
      parts({ id: 'peer1:1', from: 0, chunks: ['a', 'b'] }),
      parts({ id: 'peer1:1', from: 1, chunks: ['b', 'c'], end }),
      { read: 'chat' },
      parts({ id: 'peer1:1', from: 3, chunks: ['d'] }),
      { read: 'chat' },
    ],
    [
      hello,
      { say: { runs: [start, replaced], runLogs: { want: [[OWN_RUN, 0]] } } } as Json,
      { write: 'one' },
      { read: 'own' },
      { say: { taken: 1, acks: {} } },
      { read: 'chat' },
      parts({ id: 'peer1:3', from: 2, chunks: [], floor: true }),
      { wait: 500 },
      parts({ id: 'peer1:3', from: 2, chunks: ['c'], end }),
    ],
    [
      { write: 'one' },
      {
        ask: {
          v: 2,
          epoch: 'peer2',
          names: ['own', 'chat'],
          ids: [OWN_RUN],
          after: '',
          want: [[OWN_RUN, 0]],
        },
      },
      { ask: { v: 2, epoch: 'peer2', cancel: OWN_RUN, leaving: true } },
      { write: '' },
      { read: 'own' },
    ],
    [
      hello,
      { say: { runs: [start] } } as Json,
      { read: 'chat' },
      { flood: 300_000 },
      { flood: 300_000 },
      { starts: 60 },
      { write: 'x' },
      { say: { runLogs: { unwant: [OWN_RUN], leaving: true } } } as Json,
      { wait: 70_000 },
    ],
  ],
  words: [
    ...['want', 'unwant', 'parts', 'leaving', 'id', 'from', 'chunks', 'floor', 'end', 'state', 'reason'],
    ...[
      'names',
      'ids',
      'after',
      'cancel',
      'start',
      'replaces',
      'say',
      'ask',
      'read',
      'write',
      'flood',
      'wait',
    ],
    ...[OWN_RUN, 'peer1:1', 'peer1:3', 'peer1:9007199254740991', 'chat', 'own', 'ended', 'lost', '__proto__'],
    ...['\ud83d', '\ude00', '\ufeff', 'a\r\nb\0'],
  ],
  async run(input) {
    const { clock, incarnation } = await newIncarnation({ runs: { maxBytes: MAX_BYTES, maxRuns: MAX_RUNS } })
    const { log, mesh, runs, runMesh } = incarnation
    const facts: Facts = { said: new Map(), received: new Map(), lengths: new Map() }
    const exchange = new FakeExchange(clock)
    exchange.handler = mesh.accept(exchange)
    const own = await runs.start('own', false)
    const readers: CheckedReader[] = []
    const withOwn = (value: Json) => JSON.stringify(value).replaceAll(OWN, log.epoch)
    let wrong: string | undefined
    let floods = 0
    for (const step of Array.isArray(input) ? input.slice(0, 50) : [input]) {
      const { say, ask, read, write, flood, starts, wait } = fieldsOf(step)
      if (typeof wait === 'number') await clock.advance(Math.min(Math.max(wait, 0), MAX_WAIT_MS))
      if (typeof write === 'string') writeOwn(own, write)
      if (typeof read === 'string' && readers.length < MAX_READERS)
        readers.push(new CheckedReader(runs, read, facts))
      if (say !== undefined) speak(exchange, fieldsOf(JSON.parse(withOwn(say))), facts)
      if (ask !== undefined) wrong ??= answerFault(withOwn(ask), (body) => runMesh.answer(body))
      if (typeof flood === 'number' && Math.abs(flood) <= MAX_CHUNK) {
        const part = { id: 'peer1:1', from: floods, chunks: ['x'.repeat(Math.abs(flood) + 1)] }
        speak(exchange, { runLogs: { parts: [part] } }, facts)
        floods += 1
      }
      if (typeof starts === 'number') exchange.say({ runs: [startsOf(starts)] })
      await clock.advance(1)
      for (const reader of readers) wrong ??= reader.read()
      if (exchange.abortedWith !== undefined && !(exchange.abortedWith instanceof SserError))
        wrong ??= `the exchange ended by ${(exchange.abortedWith as Error).stack}`
      if (runs.directory.size > MAX_RECORDS + 1) wrong ??= `${runs.directory.size} runs are known`
      if (runs.copies.bytes > MAX_BYTES) wrong ??= `${runs.copies.bytes} bytes of copies`
    }
    const { chunks } = own
    const copied = runs.copies.get(own.id)
    if (copied !== undefined && copied.next !== chunks) wrong ??= 'a peer wrote the Pod’s own run'
    incarnation.stop()
    return wrong
  },
  invariant: (wrong) => wrong,
}

/** The headers of so many runs of one Pod. */
function startsOf(count: number): Json {
  const length = Math.min(Math.max(Math.round(count), 1), MAX_STARTS)
  const events = Array.from({ length }, (_, i) => ({ seq: i + 1, age: 0, run: { start: `run:${i}` } }))
  return { epoch: 'peer3', prev: 0, idle: 0, events }
}

function writeOwn(own: Run, text: string): void {
  try {
    own.write(text)
  } catch (error) {
    if (!(error instanceof SserError)) throw error
  }
}

/** The fault of the answer to a body; an error names the fault of the body. */
function answerFault(body: string, answer: (body: string) => string): string | undefined {
  try {
    parseRunsAnswer(answer(body))
    return undefined
  } catch (error) {
    if (error instanceof SserError && error.message.includes('at ')) return undefined
    return `an answer: ${(error as Error).stack}`
  }
}

/** What was said and received. Keys of chunks are run and index. */
interface Facts {
  /** The chunks that the peer has sent. */
  said: Map<string, Set<unknown>>
  /** The chunk that a reader has received first. */
  received: Map<string, string>
  /** Number of the chunks of each run that ended for a reader. */
  lengths: Map<string, number>
}

/** Says a message, and notes the chunks in it. */
function speak(exchange: FakeExchange, message: { [key: string]: Json }, { said }: Facts): void {
  const { parts: all } = fieldsOf(message.runLogs)
  for (const part of Array.isArray(all) ? all : []) {
    const { id, from, chunks } = fieldsOf(part)
    if (!Array.isArray(chunks) || typeof from !== 'number') continue
    for (const [i, chunk] of chunks.entries()) {
      const key = `${String(id)} ${from + i}`
      said.set(key, (said.get(key) ?? new Set()).add(chunk))
    }
  }
  exchange.say(message)
}

/** A reader of a run, which checks what it receives. */
class CheckedReader {
  readonly #facts: Facts
  readonly #runs: Runs
  #reader: RunReader | undefined
  #next = 0
  #ends = 0

  constructor(runs: Runs, name: string, facts: Facts) {
    this.#facts = facts
    this.#runs = runs
    void runs.find(name, { after: undefined, from: 'start' }).then(
      (found) => {
        this.#reader = runs.read(found)
      },
      () => {},
    )
  }

  /** Reads all that there is; returns the first fault. */
  read(): string | undefined {
    const reader = this.#reader
    let fault: string | undefined
    for (
      let slice = reader?.read(1_000);
      reader !== undefined && slice !== undefined;
      slice = reader.read(1_000)
    ) {
      if (this.#ends > 0) fault ??= 'a reader received something after the end'
      if (slice.type === 'end') fault ??= this.#onEnd(reader.id, slice.state)
      if (slice.type === 'gap') this.#next = slice.index
      if (slice.type === 'chunks') fault ??= this.#onChunks(reader, slice.from, slice.chunks)
    }
    return fault
  }

  #onEnd(id: string, state: string): string | undefined {
    const { lengths } = this.#facts
    this.#ends += 1
    if (state === 'lost') return undefined
    const length = lengths.get(id) ?? this.#next
    lengths.set(id, length)
    return length === this.#next ? undefined : `${id} ended after ${length} chunks, and after ${this.#next}`
  }

  #onChunks({ id }: RunReader, from: number, chunks: readonly string[]): string | undefined {
    const { said, received } = this.#facts
    if (from !== this.#next) return `a reader received chunk ${from} in place of ${this.#next}`
    this.#next += chunks.length
    for (const [i, text] of chunks.entries()) {
      const key = `${id} ${from + i}`
      if (!this.#runs.isOwn(id) && said.get(key)?.has(text) !== true) return `no peer sent the chunk ${key}`
      if ((received.get(key) ?? text) !== text) return `two readers received different chunks ${key}`
      received.set(key, text)
    }
    return undefined
  }
}
