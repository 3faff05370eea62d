import { expect, it } from 'vitest'
import { RunCopies } from '../../src/runs/run-copies.ts'
import { RunPuller } from '../../src/runs/run-puller.ts'
import type { RunEnd, RunId } from '../../src/wire/runs.ts'
import { VirtualClock } from '../support/clock.ts'

const id = 'aaaaa:1' as RunId

function setUp() {
  const ends: [RunId, RunEnd][] = []
  const copies = new RunCopies({
    clock: new VirtualClock(),
    maxBytes: 1_000_000,
    mustHold: () => true,
    onEnd: ({ id, end }) => end && ends.push([id, end]),
    onEvict() {},
  })
  const puller = new RunPuller({
    ensureCopy: () => copies.ensure({ id, name: 'chat', end: undefined } as never),
    session: () => undefined,
    isOwn: () => false,
    copy: () => copies.get(id),
    report: () => {},
    onOpen: () => {},
    onChange: () => {},
    now: () => 0,
  })
  return { puller, ends }
}

/** The peers are asked; returns a function with which all answer that they have nothing. */
function ask(puller: RunPuller): () => void {
  const ids = puller.wants.due(0, 10)
  return () => puller.onOffers(ids, new Map(), () => puller.generation)
}

it('tells the end that comes with the last chunks, because the header with it may be lost', () => {
  const { puller, ends } = setUp()
  puller.setHeld(id, true)
  const end: RunEnd = { state: 'failed', reason: 'no luck', chunks: 1 }
  puller.onPart({ id, from: 0, chunks: ['a'], end }, 'aaaaa', undefined)
  expect(ends).toEqual([[id, end]])
})

it('asks anew whether a peer has more after a chunk, and not after the empty answer to a poll', () => {
  const { puller } = setUp()
  puller.setRead(id, true)
  expect(puller.hasAll(id)).toBe(false)
  ask(puller)()
  puller.onPart({ id, from: 0, chunks: [] }, 'bbbbb', undefined)
  expect(puller.hasAll(id)).toBe(true)
  puller.onPart({ id, from: 0, chunks: ['a'] }, 'bbbbb', undefined)
  expect(puller.hasAll(id)).toBe(false)
  ask(puller)()
  expect(puller.hasAll(id)).toBe(true)
})

it('asks anew for a new reader, because the peers may have been out of reach for the one before', () => {
  const { puller } = setUp()
  puller.setHeld(id, true)
  puller.setRead(id, true)
  expect(puller.hasAll(id)).toBe(false)
  ask(puller)()
  expect(puller.hasAll(id)).toBe(true)
  puller.setRead(id, false)
  puller.setRead(id, true)
  expect(puller.hasAll(id)).toBe(false)
})

it('asks anew where a question was under way when the end became known, because a peer may have got more since', () => {
  const { puller } = setUp()
  puller.setRead(id, true)
  expect(puller.hasAll(id)).toBe(false)
  const answer = ask(puller)
  puller.onEnd(id)
  answer()
  expect(puller.hasAll(id)).toBe(false)
  ask(puller)()
  expect(puller.hasAll(id)).toBe(true)
})

it('takes the answers to a question that was under way when another reader came, so that readers cannot put off the end', () => {
  const { puller } = setUp()
  puller.setRead(id, true)
  expect(puller.hasAll(id)).toBe(false)
  const answer = ask(puller)
  puller.setRead(id, true)
  expect(puller.hasAll(id)).toBe(false)
  answer()
  expect(puller.hasAll(id)).toBe(true)
})
