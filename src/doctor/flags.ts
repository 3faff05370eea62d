import { validateHeaderName, validateHeaderValue } from 'node:http'
import { parseArgs } from 'node:util'
import type { Examination } from './examine.ts'
import { withStream } from './visit.ts'

export interface Flags extends Examination {
  isJson: boolean
}

const MAX_IDLE_SECONDS = 86_400
const PATIENCE_MS = 2_000

/** What the doctor itself asks with, and what is of a connection: HTTP/2 knows nothing of these. */
const OWN = new Set([
  'accept',
  'accept-encoding',
  'last-event-id',
  'content-length',
  'transfer-encoding',
  'connection',
  'proxy-connection',
  'keep-alive',
  'upgrade',
  'http2-settings',
  'te',
])

export const HELP = `npx sser doctor URL [options]

Opens an event stream of sser through whatever stands between, and says what stands in its way.
URL is the endpoint, as in https://shop.example/events; without ?stream= a stream of the doctor's own is asked for.

  --idle SECONDS          how long to listen (75): a few heartbeats, and past the common limit of 60 s
  --header 'Name: value'  sent with each request, as often as you like: a cookie, say
  --insecure              takes any certificate
  --json                  one JSON object, for programs
  --help

Exits with 0 when all is well, 1 when something stands in the way, 2 when nobody could be asked.
`

/** Undefined: help is wanted. @throws Error in one line that names the flag and what it wants. */
export function readFlags(args: readonly string[]): Flags | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      idle: { type: 'string', default: '75' },
      header: { type: 'string', multiple: true, default: [] },
      insecure: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const [address, ...others] = positionals
  if (address === undefined || others.length > 0) throw new Error('one URL is wanted, of the endpoint')
  return {
    url: readUrl(address),
    headers: Object.fromEntries(values.header.map(readHeader)),
    insecure: values.insecure,
    idleMs: readIdle(values.idle) * 1_000,
    patienceMs: PATIENCE_MS,
    isJson: values.json,
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error(`"${text}" is no http:// or https:// URL`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error("a URL with a password is refused; use --header 'Authorization: Basic …'")
  }
  return withStream(url)
}

function readIdle(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= MAX_IDLE_SECONDS) return seconds
  throw new Error(`--idle wants a whole number of seconds from 1 to ${MAX_IDLE_SECONDS}, not "${text}"`)
}

/** Names come in small letters, as HTTP/2 wants them. */
function readHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase()
  const value = text.slice(colon + 1).trim()
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch {
    throw new Error(`--header wants 'Name: value', not ${JSON.stringify(text)}`)
  }
  if (OWN.has(name)) throw new Error(`--header ${name}: that one is the doctor's own`)
  return [name, value]
}
