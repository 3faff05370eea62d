import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { until, within } from '../support/until.ts'
import { Target } from './target.ts'

const SCRIPT = fileURLToPath(new URL('./crowd.ts', import.meta.url))
const CROWD = 10_000
/** A machine may be slow, or not let a process have that many. */
const LEAST_CROWD = 2_500
/** To take in so many connections is work for the Pod, too. */
const MAX_DELAY_MS = 2_000
/**
 * The kernel may make connections for the Pod, with SYN cookies, whose client has gone already and never says so: they
 * end where any does that says nothing, which is after ten seconds, and looked at every two (Node) or four (Bun).
 */
const MAX_BACK_MS = 30_000

describe.each([
  ['node', '127.0.135.1'],
  ['bun', '127.0.135.2'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host, { mostDelayMs: MAX_DELAY_MS, mostBackMs: MAX_BACK_MS })

  test.each([
    [8110, 'GET /events?stream=a HTTP/1.1\r\nHost: '],
    [7110, 'POST /api/json/v2/append HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{'],
  ])('survives up to 10,000 idle or unfinished connections to port %i', async (...args) => {
    const [port, bytes] = args
    await target.endures(async () => {
      const crowd = spawn(process.execPath, [SCRIPT, host, `${port}`, `${CROWD}`, bytes])
      let said = ''
      for (const out of [crowd.stdout, crowd.stderr]) out.on('data', (text: Buffer) => (said += text))
      const ended = once(crowd, 'close')
      try {
        await until('the crowd is there', () => said.includes('\n'))
        expect(Number(/^opened (\d+)\n$/.exec(said)?.[1])).toBeGreaterThan(LEAST_CROWD)
        expect((await target.state()).isReady).toBe(true)
        console.log(`${runtime}, port ${port}: ${said.trim()}`)
      } finally {
        crowd.stdin.end()
        await within('the crowd goes', ended)
      }
    })
  })
})
