import { expect, it } from 'vitest'
import { RunCopies } from '../../src/runs/run-copies.ts'
import { RunPuller } from '../../src/runs/run-puller.ts'
import type { RunEnd, RunId } from '../../src/wire/runs.ts'
import { VirtualClock } from '../support/clock.ts'

it('tells the end that comes with the last chunks, because the header with it may be lost', () => {
  const id = 'aaaaa:1' as RunId
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
  puller.setHeld(id, true)
  const end: RunEnd = { state: 'failed', reason: 'no luck', chunks: 1 }
  puller.onPart({ id, from: 0, chunks: ['a'], end }, 'aaaaa', undefined)
  expect(ends).toEqual([[id, end]])
})
