import { expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { RunReader } from '../support/run-reader.ts'

/** A Pod that records the lines of its log. */
async function loggingPod(settings: object = {}) {
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const reader = await RunReader.start({ logger: { info: log, warn: log }, ...settings })
  return { reader, lines, sser: reader.pod.sser }
}

it('counts runs, their readers and what they received', async () => {
  const { reader, sser } = await loggingPod()
  const run = await sser.startRun('chat:1')
  const failed = await sser.startRun('chat:2')
  const clients = [await reader.read('run=chat:1'), await reader.read('run=chat:1')]
  run.write('a')
  run.write('b')
  await settle()
  expect(sser.stats().runs).toMatchObject({
    running: 2,
    known: 2,
    copies: 2,
    readers: 2,
    started: 2,
    delivered: 4,
  })
  expect(sser.stats().runs.bytes).toBeGreaterThan(0)
  failed.fail()
  await sser.cancelRun('chat:1')
  run.end()
  await sser.cancelRun('chat:1')
  await reader.fleet.clock.advance(1)
  expect(clients.every(({ ended }) => ended)).toBe(true)
  expect(sser.stats().runs).toMatchObject({
    running: 0,
    known: 2,
    readers: 0,
    ended: { ended: 0, failed: 1, cancelled: 1 },
    cancels: { cancelled: 1, 'not-running': 1, unreachable: 0 },
  })
  const { asks } = sser.stats().runs
  const unknown = reader.ask('run=unknown')
  await reader.fleet.clock.advance(2_100)
  expect((await unknown).status).toBe(404)
  expect(sser.stats().runs.asks).toBe(asks + 1)
  await reader.fleet.stop()
})

it('tells in /readyz and in the log how many runs a draining Pod still writes', async () => {
  const { reader, lines, sser } = await loggingPod({ drainTimeoutMs: 5_000 })
  const run = await sser.startRun('chat:1')
  await sser.startRun('chat:2')
  void sser.stop()
  await settle()
  const ready = async () => (await sser.probeRoutes.request('/readyz')).json()
  expect(await ready()).toMatchObject({ ready: false, state: 'draining', runs: 2 })
  run.end()
  expect(await ready()).toMatchObject({ runs: 1 })
  await reader.fleet.clock.advance(6_000)
  expect(lines.filter((line) => line.includes('drain'))).toEqual([
    'sser: goes on with 2 running runs for up to 5000 ms (runs.drainTimeoutMs)',
    'sser: has ended 1 run as failed (draining), because the drain lasts no longer: raise runs.drainTimeoutMs',
  ])
  await reader.fleet.stop()
})

it('warns when chunks of a running run are evicted, and counts it', async () => {
  const { reader, lines, sser } = await loggingPod({ runs: { maxBytes: 1_048_576 } })
  const run = await sser.startRun('chat:1')
  for (let i = 0; i < 40; i += 1) run.write('x'.repeat(50_000))
  expect(lines.filter((line) => line.includes('evicted'))).toHaveLength(1)
  expect(sser.stats().runs.evictions.running).toBeGreaterThan(0)
  const client = await reader.read('run=chat:1')
  expect(client.all[0]).toMatchObject({ event: 'sser-gap', data: '{"reason":"trimmed"}' })
  await reader.fleet.stop()
})

it('shows runs on the debug page, and those that failed in a table', async () => {
  const { reader, sser } = await loggingPod()
  const run = await sser.startRun('chat:1')
  run.fail()
  const headers = { accept: 'text/html' }
  const page = await (await sser.opsRoutes.request('/debug/sser', { headers })).text()
  expect(page).toContain('0 running here of 1 started, 1 known; 0 readers, 0 chunks delivered')
  expect(page).toMatch(/<h2>Run failures<\/h2>.*failed/s)
  await reader.fleet.stop()
})
