import { SserError } from '../../../src/errors.ts'
import type { Incarnation } from '../../../src/instance/incarnation.ts'
import { type Append, encodeAppend, parseAppend } from '../../../src/wire/append-message.ts'
import { MAX_EPOCHS } from '../../../src/wire/position.ts'
import { Ledger, Listener } from '../listener.ts'
import { newIncarnation } from '../new-incarnation.ts'
import { fieldsOf, type Json, type Surface } from '../surface.ts'
import { APPEND, APPEND_WORDS, IDS, UNCHECKED_IDS, withCheck } from '../words.ts'

/** Stands for the epoch of the Pod itself. */
const OWN = 'own00'
/** Small, so that it is full at times. */
const LOG_BYTES = 8_192
/** As the log counts them. */
const ENTRY_BYTES = 180
const MAX_WAIT_MS = 400_000
const MAX_LISTENERS = 8
const MAX_MADE_UP = 3_000

const [own, third] = APPEND.runs
const later = { epoch: 'peer1', prev: 2, idle: 0, events: [{ seq: 3, age: 0, stream: 'a', msg: 'three' }] }
const jump = {
  epoch: 'peer1',
  prev: 2 ** 53 - 3,
  floor: true,
  idle: 0,
  events: [{ seq: 2 ** 53 - 2, age: 0 }],
}
const stolen = { epoch: OWN, prev: 1, idle: 0, events: [{ seq: 2, age: 0, stream: 'a', msg: 'stolen' }] }
const gap = { ...later, prev: 7, events: [{ seq: 8, age: 0, stream: 'a', msg: 'after a gap' }] }
const message = (...runs: object[]) => ({ append: { ...APPEND, runs } }) as Json

/** Messages that a lying peer sends, one after another, to a Pod with clients. */
export const lyingPeer: Surface<string | undefined> = {
  name: 'lying-peer',
  corpus: [
    [message(stolen), { send: 'a' }, message(own as object, stolen, gap), { resume: '' }],
    [
      message(own as object),
      { send: 'a' },
      message(later),
      { resume: '' },
      { wait: 6_000 },
      message(own as object),
    ],
    [
      message(third as object),
      { resume: IDS[1] as string },
      message(jump),
      { wait: 130_000 },
      { resume: '' },
    ],
    [
      message(jump),
      message(own as object),
      message({ ...(own as object), epoch: 'other' }),
      { resume: UNCHECKED_IDS[2] as string },
    ],
    [
      message(own as object, later, third as object, jump),
      { wait: 310_000 },
      message(own as object),
      { send: 'b' },
    ],
    [{ send: 'x'.repeat(4_000) }, { send: 'y'.repeat(4_000) }, message(later), { resume: '' }],
  ],
  words: [...APPEND_WORDS, 'append', 'send', 'wait', 'resume'],
  async run(input) {
    const { clock, incarnation } = await newIncarnation({ logMaxBytes: LOG_BYTES })
    const { log } = incarnation
    const ledger = new Ledger()
    const listeners = [
      new Listener(incarnation, ['a', 'b']),
      new Listener(incarnation, ['b'], { isSlow: true }),
    ]
    let ownSeq = log.ownSeq
    let wrong: string | undefined
    for (const step of Array.isArray(input) ? input.slice(0, 100) : [input]) {
      const { append, flood, send, wait, resume } = fieldsOf(step)
      if (typeof wait === 'number') await clock.advance(Math.min(Math.max(wait, 0), MAX_WAIT_MS))
      if (typeof send === 'string' && send !== '') {
        ledger.add({ stream: 'a', msg: send })
        log.append(log.epoch, { stream: 'a', msg: send.toWellFormed() }, clock.now(), clock.now())
      }
      if (typeof resume === 'string' && listeners.length < MAX_LISTENERS) {
        listeners.push(
          new Listener(incarnation, ['a', 'b'], {
            id: withCheck(resume) || (listeners[0]?.lastEventId ?? ''),
          }),
        )
      }
      const before = log.ownSeq
      if (typeof flood === 'number') wrong ??= hear(madeUp(flood), incarnation, ledger)
      if (append !== undefined) wrong ??= hear(append, incarnation, ledger)
      if (log.ownSeq !== before || log.ownSeq < ownSeq) wrong ??= 'a peer moved the Pod’s own events'
      if (log.position(clock.now()).size > MAX_EPOCHS) wrong ??= 'more Pods are known than there can be'
      ownSeq = log.ownSeq
      await clock.advance(0)
      if (Math.max(log.entries * ENTRY_BYTES, log.bytes) > LOG_BYTES)
        wrong ??= 'the log exceeds its maximum size'
    }
    for (let turn = 0; turn < 3; turn += 1) {
      for (const listener of listeners) listener.pull()
      await clock.advance(1)
    }
    incarnation.stop()
    return wrong ?? listeners.map((listener) => listener.wrong(ledger)).find((each) => each !== undefined)
  },
  invariant: (wrong) => wrong,
}

/** A message in the name of so many Pods that there never were. */
function madeUp(count: number): Json {
  const epochs = Array.from({ length: Math.min(Math.max(count, 0), MAX_MADE_UP) }, (_, i) =>
    String(10_000 + i),
  )
  return {
    ...APPEND,
    runs: epochs.map((epoch) => ({ epoch, prev: 0, idle: 0, events: [{ seq: 1, age: 0 }] })),
  }
}

/** Delivers one message; the answer must be a valid message, too. */
function hear(append: Json, { log, mesh }: Incarnation, ledger: Ledger): string | undefined {
  let heard: Append
  try {
    heard = parseAppend(JSON.stringify(append).replaceAll(OWN, log.epoch))
  } catch (error) {
    if (error instanceof SserError) return undefined
    throw error
  }
  /** Highest seq of each epoch that the Pod may hold afterwards: runs that continue the log, and floors. */
  const most = new Map<string, number>()
  for (const { epoch, prev, floor, events } of heard.runs) {
    const have = most.get(epoch) ?? log.epochs.get(epoch)?.have ?? 0
    most.set(epoch, prev <= have || floor === true ? Math.max(have, prev + events.length) : have)
    for (const { stream, msg = '', event } of events)
      if (stream !== undefined) ledger.add({ stream, msg, event })
  }
  // The peer must be able to parse the answer.
  parseAppend(encodeAppend(mesh.receive(heard)))
  const isOver = ([epoch, seq]: [string, number]) => (log.epochs.get(epoch)?.have ?? 0) > seq
  return [...most].some(isOver) ? 'it claims what it was never given' : undefined
}
