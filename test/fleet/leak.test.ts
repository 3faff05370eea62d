import { expect, test } from 'vitest'
import { runScript } from '../support/pod-process.ts'

const SCRIPT = new URL('./leak.ts', import.meta.url)
/** A leak of the smallest thing that 5,000 connections have one of, 2 KB, would be 10 MB. */
const MARGIN_BYTES = 3_000_000

test.each([
  ['node', '127.0.30.1', ['--expose-gc', '--no-warnings']],
  ['bun', '127.0.30.2', []],
] as const)(
  'under %s, 5,000 connections that end in every way leave nothing behind',
  async (runtime, HOST, args) => {
    const { stdout, stderr, ms } = await runScript(runtime, SCRIPT, {
      args,
      env: { HOST },
    })
    const { opened, peak, before, after, stopMs, end } = JSON.parse(stdout)
    console.log(`${runtime}: 5,000 connections in ${ms} ms; heap ${before.heap} before, ${after.heap} after`)
    expect(opened).toBe(5_000)
    expect(peak).toBe(100)
    expect(after.heap - before.heap).toBeLessThan(MARGIN_BYTES)
    const { heap: _, ...left } = after
    // One timer: the next tick.
    expect(left).toMatchObject({ connections: 0, streams: 0, timers: 1 })
    // Bun’s collector takes the stack’s old words for references, now and then.
    expect(left.instances).toBeLessThan(10)
    expect(left.resources).toEqual(before.resources)
    expect(stopMs).toBeLessThan(8_000)
    expect(end).toMatchObject({ connections: 0, streams: 0, timers: 0, listeners: 0, resources: {} })
    expect(stderr).toBe('')
  },
)
