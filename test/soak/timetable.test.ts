import { expect, test } from 'vitest'
import { Timetable } from './timetable.ts'

test('keeps its rate, however unevenly it is asked', () => {
  const timetable = new Timetable(200, 1_000)
  const counts = [1_003, 1_020, 1_021, 1_500, 2_000].map((now) => timetable.due(now))
  expect(counts).toEqual([0, 4, 0, 96, 100])
  expect(timetable.skipped).toBe(0)
})

test('skips a send that is over a second late, and counts it', () => {
  const timetable = new Timetable(200, 0)
  expect(timetable.due(3_000)).toBe(200)
  expect(timetable.skipped).toBe(400)
  expect(timetable.due(3_100)).toBe(20)
})
