import { expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { RunReader } from '../support/run-reader.ts'

it('keeps nothing of a client that asks for thousands of runs that there are not', async () => {
  const reader = await RunReader.start({ maxConnections: 100 })
  const { sser } = reader.pod
  for (let round = 0; round < 20; round += 1) {
    const asked = Array.from({ length: 150 }, (_, i) => sser.routes.request(`/?run=made-up-${round}-${i}`))
    await settle()
    await reader.fleet.clock.advance(2_100)
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    // Each holds a connection while a header may be on its way, so the limits of connections apply.
    expect(statuses.filter((status) => status === 404)).toHaveLength(100)
    expect(statuses.filter((status) => status === 429)).toHaveLength(50)
  }
  expect(sser.stats().runs).toMatchObject({ known: 0, copies: 0, readers: 0 })
  expect(sser.connections).toBe(0)
  await reader.fleet.stop()
})

it('answers made-up ids of runs by a gap and the first chunk, and stores none of them', async () => {
  const reader = await RunReader.start()
  const { sser } = reader.pod
  const run = await sser.startRun('chat:1')
  run.write('first')
  const check = run.lastId?.split('.')[1]
  const ids = ['0.AAA', 'zzzzzzzzzz.AAA', '5.AAA.end', 'x', '-1.AAA', `-1.${check}`, '0', 'AbCdE-1', '%00']
  for (const id of ids) {
    const response = reader.ask('run=chat:1', { 'last-event-id': id })
    await reader.fleet.clock.advance(2_100)
    const client = await reader.client(await response)
    expect([id, client.gaps.length, client.messages]).toEqual([id, 1, ['first']])
    await client.cancel()
  }
  // An id beyond the end of the run: its client waits for the chunks after it, and is told the end.
  const ahead = await reader.read('run=chat:1', `zzzz.${check}`)
  run.end()
  await settle()
  expect(ahead.all.map(({ event }) => event)).toEqual(['sser-position', 'sser-end'])
  expect(sser.stats().runs).toMatchObject({ known: 1, copies: 1, readers: 0 })
  await reader.fleet.stop()
})

it('bounds the runs that a client starts by way of the app, and loses none that runs', async () => {
  const reader = await RunReader.start({ runs: { maxRuns: 50 } })
  const { sser } = reader.pod
  const first = await sser.startRun('victim')
  first.write('still here')
  const started = await Promise.allSettled(
    Array.from({ length: 2_000 }, (_, i) => sser.startRun(`flood:${i}`)),
  )
  const rejected = started.filter(({ status }) => status === 'rejected')
  expect(rejected).toHaveLength(1_951)
  expect(rejected[0]).toMatchObject({ reason: { code: 'too-many-runs', status: 429 } })
  for (const result of started) if (result.status === 'fulfilled') result.value.end()
  for (let i = 0; i < 2_000; i += 1) (await sser.startRun(`ended:${i}`)).end()
  expect(sser.stats().runs.known).toBeLessThanOrEqual(16 * 50)
  const client = await reader.read('run=victim')
  expect(client.messages).toEqual(['still here'])
  await reader.fleet.stop()
})
