import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Report, type Row } from './report.ts'

const seen = {
  events: 0,
  greetings: 0,
  resumes: 0,
  cuts: 0,
  gaps: 0,
  told: 0,
  lost: 0,
  twice: 0,
  disordered: 0,
}
const pod1 = {
  rss: 100e6,
  malloc: 30e6,
  heapUsed: 20e6,
  heapTotal: 30e6,
  external: 0,
  connections: 0,
  logBytes: 0,
  timers: 2,
  fds: 30,
}
const vitals = { ...pod1, resources: { TCPSocketWrap: 4 }, errors: {} }

function row(minute: number, rss: number): Row {
  return {
    minute,
    pod1: { ...vitals, rss },
    seen: { ...seen, stray: 0, open: 0, skipped: 0, examples: [] },
    sent: 0,
    everywhere: 0,
    unpromised: 0,
    skipped: 0,
    kills: 0,
    runs: { ends: {}, open: 0, connections: 0, gaps: 0 },
    load: { pods: 0, clients: 0, driver: 0 },
  }
}

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** The second half's memory as told by the function. */
function over(minutes: number, rss: (minute: number) => number): Report {
  const report = new Report()
  for (let minute = 1; minute <= minutes; minute += 1) report.add(row(minute, rss(minute)))
  report.summary()
  return report
}

test('accepts memory that grows at first, and then goes up and down', () => {
  const { errors } = over(40, (minute) => 1e6 * Math.min(120, 50 + 5 * minute) + 2e6 * (minute % 3))
  expect(errors).toEqual([])
})

test('reports memory that rises over the second half', () => {
  const { errors } = over(40, (minute) => 100e6 + 0.5e6 * minute)
  expect(errors).toEqual([expect.stringMatching(/^rss of Pod 1 rose by 8\.\d %/)])
})

test('says nothing about the memory of a few minutes', () => {
  expect(over(5, (minute) => 20e6 * minute).errors).toEqual([])
})

test('reports the resources that a Pod has more of than before', () => {
  const now = { ...vitals, timers: 3, resources: { TCPSocketWrap: 4, Timeout: 1 } }
  expect(new Report().leftovers(vitals, now)).toEqual([
    '3 timers, where it had 2',
    '1 Timeout, where it had 0',
  ])
  expect(new Report().leftovers(now, vitals)).toEqual([])
})
