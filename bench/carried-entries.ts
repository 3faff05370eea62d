// node bench/carried-entries.ts: CPU of an event to each of 1,000 connections with invented Pods in their ids.
import { execFileSync } from 'node:child_process'
import { Sser } from '../src/index.ts'
import { formatPosition } from '../src/wire/position.ts'

const CONNECTIONS = 1_000
const EVENTS = 10
const ROUNDS = 5
const MESSAGE = 'x'.repeat(100)

const wait = () => new Promise((resolve) => setTimeout(resolve, 1))

async function connect(sser: Sser, id: string): Promise<void> {
  const request = new Request('http://pod/?stream=a', { headers: { 'last-event-id': id } })
  const { body } = await sser.routes.fetch(request)
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const read = async () => {
    while (!(await reader.read()).done);
  }
  void read()
}

/** User CPU of one delivery in microseconds: the median of some rounds. */
async function cpuPerDelivery(carried: number): Promise<number> {
  const sser = new Sser({ logger: false, heartbeatMs: 600_000, maxConnectionsPerAddress: CONNECTIONS })
  await sser.start()
  await sser.send('a', MESSAGE)
  const { epoch } = sser.stats()
  for (let i = 0; i < CONNECTIONS; i += 1) {
    const invented = Array.from({ length: carried }, (_, k): [string, number] => [
      (i * carried + k).toString(36).padStart(5, 'z'),
      7,
    ])
    await connect(sser, formatPosition([[epoch, 1], ...invented]))
  }
  const rounds: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const before = process.cpuUsage()
    for (let i = 0; i < EVENTS; i += 1) {
      const delivered = sser.stats().events.delivered + CONNECTIONS
      await sser.send('a', MESSAGE)
      while (sser.stats().events.delivered < delivered) await wait()
    }
    // The first round warms up.
    if (round > 0) rounds.push(process.cpuUsage(before).user / EVENTS / CONNECTIONS)
  }
  return rounds.sort((one, other) => one - other)[ROUNDS >> 1] as number
}

const [argument] = process.argv.slice(2)
if (argument !== undefined) {
  console.log(await cpuPerDelivery(Number(argument)))
  process.exit(0)
}
console.log('Invented Pods in each id | µs of CPU per delivery | times that of a connection without')
let base: number | undefined
for (const carried of [0, 1, 16, 128]) {
  // A separate process for each measurement, so that none profits from code that another has warmed up.
  const cpu = Number(execFileSync(process.execPath, [import.meta.filename, String(carried)]))
  base ??= cpu
  console.log([carried, cpu.toFixed(1), (cpu / base).toFixed(1)].join(' | '))
}
