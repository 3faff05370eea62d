// A process of its own, because test runners have timers: tries ports that its first Pod uses, and prints the errors and
// the resources that are left of each try.
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'
import { resources } from '../support/resources.ts'
import { until } from '../support/until.ts'

const hostname = process.env.HOST ?? ''
const fetch = () => new Response()

function newSser(internalPort = 0): Sser {
  const peerFinder = new StaticPeerFinder([])
  return new Sser({ peerFinder, internalPort, drainTimeoutMs: 0, flushTimeoutMs: 0, logger: false })
}

function listeners(): number {
  return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
}

/** Counts when only the first Pod listens. */
async function counts(): Promise<Record<string, number>> {
  await until('only the first Pod listens', () => resources().TCPServerWrap === 2)
  // One turn later, the timer of this wait is gone.
  await new Promise((resolve) => setImmediate(resolve))
  return resources()
}

const listenersBefore = listeners()
const first = await serve({ sser: newSser(), fetch, hostname, port: 0 })
const tries: object[] = []
for (const port of ['port', 'internalPort'] as const) {
  const before = await counts()
  const wanted = { port: 0, internalPort: 0, [port]: first[port] }
  const options = { sser: newSser(wanted.internalPort), fetch, hostname, port: wanted.port }
  const { code, message } = await serve(options).then(
    () => ({ code: 'none', message: 'the second Pod listens' }),
    (error) => error,
  )
  tries.push({ code, message, before, after: await counts() })
}
await first.stop()
await first.stop()
const { port, internalPort } = first
console.log(JSON.stringify({ port, internalPort, tries, listeners: listeners() - listenersBefore }))
