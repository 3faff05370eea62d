import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { RunRecord } from '../../src/runs/run-directory.ts'
import { RunsInOrder } from '../../src/runs/runs-in-order.ts'
import { compareRunIds } from '../../src/wire/runs.ts'
import { check } from '../support/property.ts'

const id = fc.tuple(fc.constantFrom('aaaaa', 'bbbbb', 'Zzzzz'), fc.integer({ min: 1, max: 30 }))
const steps = fc.array(fc.record({ id, isDeleted: fc.boolean() }), { maxLength: 100 })

it('give the runs after an id in order, whatever was added and deleted', () => {
  check(fc.tuple(steps, id, fc.integer({ min: 1, max: 20 })), ([drawn, [epoch, seq], max]) => {
    const runs = new RunsInOrder()
    const known = new Map<string, RunRecord>()
    for (const { id: parts, isDeleted } of drawn) {
      const each = parts.join(':')
      const record = known.get(each)
      if (isDeleted && record !== undefined) {
        runs.delete(record)
        known.delete(each)
      } else if (!isDeleted && record === undefined) {
        const added = { id: each } as RunRecord
        known.set(each, added)
        runs.add(added)
      }
    }
    const ids = [...known.keys()].toSorted(compareRunIds)
    const after = `${epoch}:${seq}`
    expect(runs.after('', 1_000).map((run) => run.id)).toEqual(ids)
    expect(runs.after(after, max).map((run) => run.id)).toEqual(
      ids.filter((each) => compareRunIds(each, after) > 0).slice(0, max),
    )
  })
})
