// A process with connections that take every chunk at once: the cost of delivery without sockets. It prints the CPU of a
// delivery in microseconds.
import { parseArgs } from 'node:util'
import type { EventStreamBody } from '../../src/delivery/event-stream-body.ts'
import { message } from '../harness/message.ts'
import { pod } from '../harness/pod.ts'

/** Work of one round. */
export interface SinkWork {
  connections: number
  /** `own`: a stream each; `shared`: one stream; `both`: its own stream, and the shared one, which gets the events. */
  streams: 'own' | 'shared' | 'both'
  /** Events in one turn for each connection. */
  burst: number
  turns: number
}

const { values } = parseArgs({ options: { work: { type: 'string', default: '{}' } } })
const { connections, streams, burst, turns } = JSON.parse(values.work) as SinkWork
const { sser } = pod()
await sser.start()
const counts = { written: 0 }
const take = () => {
  counts.written += 1
  return true
}
const sink = {
  isSharing: true,
  write: take,
  // As the sink of Node's sockets, which writes a text without encoding it before.
  writeText: take,
  close() {},
  abort() {},
}
const own = Array.from({ length: connections }, (_, i) => `own-${i}`)
for (const name of own) {
  const names = { own: [name], shared: ['shared'], both: [name, 'shared'] }[streams]
  const query = new URLSearchParams(names.map((each) => ['stream', each]))
  const response = await sser.handler(new Request(`http://localhost/events?${query}`))
  ;(response.body as EventStreamBody).attach(sink).pull()
}
const targets = streams === 'own' ? own : ['shared']
const text = message(1, 100).toString()

async function run(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    const due = counts.written + connections
    for (let i = 0; i < burst; i += 1) for (const name of targets) void sser.send(name, text)
    while (counts.written < due) await new Promise(setImmediate)
  }
}

await run(Math.ceil(turns / 2))
const before = process.cpuUsage()
await run(turns)
const { user, system } = process.cpuUsage(before)
console.log((user + system) / (turns * burst * connections))
process.exit()
