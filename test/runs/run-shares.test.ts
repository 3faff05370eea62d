import { describe, expect, it } from 'vitest'
import type { RunFacts } from '../../src/runs/run-directory.ts'
import { newRuns, openReader, readAll } from '../support/run-peers.ts'

const MAX_RECORDS = 160
const ENDED = { end: { state: 'ended', reason: undefined, chunks: 0 }, endedAt: 0 } as const

/** A Pod that has received entries of `honst` and `other`, and knows 160 runs at most. */
function setup() {
  const all = newRuns({ maxRuns: MAX_RECORDS / 16 })
  for (const epoch of ['honst', 'other']) all.log.append(epoch, {}, 0, 0)
  const { directory } = all.runs
  const tell = (epoch: string, seq: number, facts: Partial<RunFacts> = {}) =>
    directory.onFacts({ id: `${epoch}:${seq}`, epoch, name: `${epoch} ${seq}`, startedAt: 0, ...facts })
  const known = (epoch: string) => [...directory.values()].filter((record) => record.epoch === epoch).length
  return { ...all, directory, tell, known }
}

/** Epochs that no Pod has. */
const invented = (i: number) => `x${String(i).padStart(4, '0')}`

describe('the known runs of a Pod', () => {
  it.each([
    ['running', {}],
    ['ended', ENDED],
  ])('leave room for the runs of honest Pods, whatever a peer invents (%s)', (_, facts) => {
    const { directory, tell, known } = setup()
    for (let seq = 10; seq < 20; seq += 1) tell('honst', seq, ENDED)
    for (let i = 0; i < 500; i += 1) tell(invented(i), 1, facts)
    expect([directory.size, known('honst')]).toEqual([MAX_RECORDS, 10])
    for (let seq = 20; seq < 40; seq += 1) tell('honst', seq)
    for (let seq = 10; seq < 30; seq += 1) tell('other', seq)
    expect([directory.size, known('honst'), known('other')]).toEqual([MAX_RECORDS, 30, 20])
  })

  it('are refused where a Pod has its share, so that no two Pods drop each other’s runs in turn', () => {
    const { tell, known } = setup()
    for (let seq = 10; seq < 300; seq += 1) for (const epoch of ['honst', 'other']) tell(epoch, seq)
    expect([known('honst'), known('other')]).toEqual([80, 80])
  })

  it('go in the order of their ends, whichever of them were forgotten before', () => {
    const { directory, tell, known } = setup()
    for (let seq = 10; seq < 170; seq += 1) tell('honst', seq, ENDED)
    for (let seq = 20; seq < 165; seq += 2) directory.remove(directory.get(`honst:${seq}`)!)
    for (let seq = 200; seq < 280; seq += 1) tell('honst', seq, ENDED)
    expect(known('honst')).toBe(MAX_RECORDS)
    const left = [...directory.values()].map(({ id }) => id)
    expect(left.slice(0, 4)).toEqual(['honst:17', 'honst:18', 'honst:19', 'honst:21'])
  })

  it('always have those that this Pod writes', async () => {
    const { runs, tell } = setup()
    for (let i = 0; i < 500; i += 1) tell(invented(i), 1)
    const own = await Promise.all(Array.from({ length: 10 }, (_, i) => runs.start(`own ${i}`, false)))
    for (let seq = 10; seq < 300; seq += 1) for (const epoch of ['honst', 'other']) tell(epoch, seq)
    for (const { id } of own) expect(runs.directory.get(id)?.id).toBe(id)
  })

  it('that go while they run are lost for their readers', async () => {
    const { runs, tell, clock } = setup()
    tell(invented(1), 1)
    const { reader } = await openReader(runs, `${invented(1)} 1`)
    for (let i = 2; i < 500; i += 1) tell(invented(i), 1)
    tell('honst', 10)
    await clock.advance(10)
    expect(readAll(reader)).toEqual(['[lost]'])
  })
})
