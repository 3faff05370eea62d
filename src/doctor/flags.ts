import { validateHeaderName, validateHeaderValue } from 'node:http'
import { parseArguments } from '../commands/arguments.ts'
import type { CheckOptions } from './checks.ts'
import { withStreamName } from './probe.ts'

export interface Flags extends CheckOptions {
  isJson: boolean
}

const MAX_DURATION_SECONDS = 86_400
const EVENT_TIMEOUT_MS = 2_000

/** Headers that the doctor sets itself, and headers of a connection, which HTTP/2 forbids. */
const RESERVED_HEADERS = new Set([
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

export const USAGE = `Usage: npx sser doctor URL [options]
npx sser doctor --help explains the options.
`

export const HELP = `Usage: npx sser doctor URL [options]

Opens an event stream of sser as a browser does, and reports problems on the way: proxies that buffer, compress,
cache or cut it, and headers that are missing. URL is the endpoint, such as https://shop.example/events.
Without ?stream= in the URL, the doctor uses a stream of its own.

  --duration SECONDS      time to record the stream (default 75: several heartbeats, and longer than the usual
                          idle timeout of 60 s)
  --header 'Name: value'  adds a header to each request, such as a cookie; may be repeated
  --insecure              accepts any certificate
  --json                  prints one JSON object
  --help                  prints this text

Exit codes: 0 no problems, 1 problems found, 2 wrong usage or no connection.
`

const OPTIONS = {
  duration: { type: 'string', default: '75' },
  header: { type: 'string', multiple: true, default: [] as string[] },
  insecure: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/**
 * Parses the arguments; returns undefined for `--help`.
 *
 * @throws Error with the flag, the expected value and the received one, in one line
 */
export function readFlags(args: readonly string[]): Flags | undefined {
  const { values, positionals } = parseArguments(args, OPTIONS)
  if (values.help) return undefined
  const [address, ...others] = positionals
  if (address === undefined || others.length > 0)
    throw new Error(`expected one URL, the endpoint of the events; got ${positionals.length}`)
  return {
    url: readUrl(address),
    headers: Object.fromEntries(values.header.map(readHeader)),
    insecure: values.insecure,
    durationMs: readDuration(values.duration) * 1_000,
    timeoutMs: EVENT_TIMEOUT_MS,
    isJson: values.json,
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error(`expected a URL that begins with http:// or https://, got "${text}"`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error(
      "expected a URL without a user name and password; use --header 'Authorization: Basic …' instead",
    )
  }
  return withStreamName(url)
}

function readDuration(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= MAX_DURATION_SECONDS) return seconds
  throw new Error(
    `--duration: expected a whole number of seconds from 1 to ${MAX_DURATION_SECONDS}, got "${text}"`,
  )
}

/** Lowercases the name, because HTTP/2 requires it. */
function readHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase()
  const value = text.slice(colon + 1).trim()
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch {
    throw new Error(`--header: expected 'Name: value', got ${JSON.stringify(text)}`)
  }
  if (RESERVED_HEADERS.has(name)) throw new Error(`--header: the doctor sets ${name} itself; remove it`)
  return [name, value]
}
