import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { endPods, PodProcess } from '../support/pod-process.ts'
import { GoSender } from './go-pod.ts'

/** Longer than Node (6 s) and Bun (up to 16 s) keep a quiet connection by default. */
const QUIET_MS = 17_000

afterAll(endPods)

test.concurrent.each([
  ['node', '127.0.23.1'],
  ['bun', '127.0.23.2'],
] as const)(
  'a Go Pod beside one under %s finds its connection open after any quiet time',
  async (runtime, host) => {
    await PodProcess.start({ runtime, host })
    const quiet = await GoSender.open(`${host}:7110`)
    await quiet.send('none', 'before the silence')
    await pause(QUIET_MS)
    expect(quiet.raw.isClosed).toBe(false)
    expect((await quiet.send('none', 'after the silence')).status).toBe(200)
    quiet.raw.socket.destroy()
  },
)
