// The process of one server: `host.ts FILE PORT OPTIONS`. It exchanges lines with the bench over stdin and stdout, and
// exits when stdin closes, so that a killed bench leaves no process behind.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import type { BenchServer } from './bench-server.ts'

const [file = '', port, options = '{}'] = process.argv.slice(2)
const { server } = (await import(file)) as { server: BenchServer }
const say = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`)

const stall = { histogram: undefined as ReturnType<typeof monitorEventLoopDelay> | undefined }
const commands = createInterface({ input: process.stdin })
commands.on('close', () => process.exit())
commands.on('line', (command) => {
  if (command === 'watch') {
    // Started on command only, because its timer would add to every other figure.
    stall.histogram ??= monitorEventLoopDelay({ resolution: 1 })
    stall.histogram.enable()
    stall.histogram.reset()
    say({ watching: true })
  }
  if (command === 'stall') say({ stallMs: (stall.histogram?.max ?? Number.NaN) / 1e6 })
})

const pids = await server.serve(Number(port), JSON.parse(options))
say({ pids: Array.isArray(pids) ? pids : [process.pid] })
