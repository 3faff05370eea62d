// The opening side of exchanges in a process of its own: talks with each server in HOSTS, and prints the results.
import { bunHmac, bunTransports } from '../../src/runtime/bun/runtime.ts'
import { httpDuplexTransport } from '../../src/runtime/node/http-transport.ts'
import { nodeHmac } from '../../src/runtime/node/runtime.ts'
import type { PeerTls } from '../../src/transport/certificates.ts'
import { fetchDuplexTransport } from '../../src/transport/peer-transport.ts'
import { podTls } from '../support/pod-tls.ts'
import { Caller, type CallerOptions } from './exchange-caller.ts'

const isBun = 'Bun' in globalThis
const fetched = fetchDuplexTransport(fetch)
const transport = (current?: () => PeerTls) =>
  isBun ? (bunTransports(current)?.open ?? fetched) : httpDuplexTransport(current)
const signed = { secrets: ['a secret'], hmacFactory: isBun ? bunHmac : nodeHmac }

const ways: Record<string, { port: number; options: CallerOptions }> = {
  plain: { port: 7301, options: { transport: transport() } },
  signed: { port: 7302, options: { transport: transport(), ...signed } },
  tls: { port: 7303, options: { transport: transport(() => podTls), ...signed } },
  'by fetch, to an app': { port: 7304, options: { transport: fetched, secrets: ['a secret'] } },
  'to an app': { port: 7304, options: { transport: transport(), ...signed } },
}

/** Texts of all widths, some of which span several reads. */
const texts = Array.from({ length: 150 }, (_, i) => `${i} é € 😀 ${'€'.repeat(i % 50 === 0 ? 30_000 : i)}`)

async function talk({ port, options }: { port: number; options: CallerOptions }, host: string) {
  const start = performance.now()
  const caller = await Caller.open(`${host}:${port}`, options)
  const [first] = await caller.echoes(['hello'])
  const ms = performance.now() - start
  const echoes = await caller.echoes(texts)
  caller.exchange.close()
  const end = await caller.end()
  const left = await Caller.open(`${host}:${port}`, options)
  await left.echoes(['hello', 'leave'])
  const leftEnd = await left.end()
  return {
    leaves: [left.texts.at(-1), leftEnd === undefined ? 'clean' : String(leftEnd)],
    first,
    ms,
    isEqual: echoes.length === texts.length && echoes.every((echo, i) => echo === `echo ${texts[i]}`),
    last: caller.texts.at(-1),
    end: end === undefined ? 'clean' : String(end),
    open: caller.counts.opened,
  }
}

const results: Record<string, unknown> = {}
for (const host of (process.env.HOSTS ?? '').split(',')) {
  for (const [name, way] of Object.entries(ways)) {
    try {
      results[`${name} ${host}`] = await talk(way, host)
    } catch (error) {
      results[`${name} ${host}`] = `${(error as Error).stack}`
    }
  }
}
console.log(JSON.stringify(results))
process.exit()
