import { type Finding, fail, pass, shown, time, unknown } from './finding.ts'
import type { Line } from './line.ts'
import type { Visit } from './visit.ts'

const EVENT_STREAM = 'text/event-stream'

/** Six tabs with a stream are all that a browser opens to a host, unless it speaks HTTP/2. */
export function http2({ protocol }: Line, url: URL): Finding {
  if (protocol === 'h2')
    return pass('HTTP/2', 'the edge speaks it: a browser has all its streams over one connection')
  if (url.protocol === 'http:') {
    return unknown(
      'HTTP/2',
      'browsers speak it over TLS only; over http:// each has six connections, and so six streams, to a host',
    )
  }
  const says =
    'the edge offers HTTP/1.1 alone: a browser opens six connections to a host, and the seventh stream waits'
  return fail('HTTP/2', 'no-http2', says)
}

export function isEventStream(visit: Visit): boolean {
  return mediaType(visit) === EVENT_STREAM
}

/** Of a response whose body is known to be sser's, or whose type is right. */
export function contentType(visit: Visit): Finding {
  if (isEventStream(visit)) return pass('content-type', shown(String(visit.header('content-type'))))
  const type = visit.header('content-type')
  const what = type === undefined ? 'it is missing' : `it is ${shown(type)}`
  const says = `${what}, though the body is sser's event stream: something on the way has changed it, and an EventSource refuses the response`
  return fail('content-type', 'content-type', says)
}

/** What is here in place of an event stream of sser. */
export function notSser(visit: Visit): Finding {
  const { listening } = visit
  const type = visit.header('content-type')
  if (isEventStream(visit)) {
    const first = listening?.isOversized ? 'what comes has no end' : `its first event is no sser-position`
    return fail('sser', 'not-sser', `an event stream, but not sser's: ${first}`)
  }
  const begins = listening?.excerpt ? `; it begins with "${shown(listening.excerpt).slice(0, 60)}"` : ''
  const says = `no event stream, but ${type === undefined ? 'something without a type' : shown(type)}${begins}: another app is at this path, or a login page`
  return fail('sser', 'not-sser', says)
}

export function cacheControl(visit: Visit): Finding {
  const value = visit.header('cache-control')
  const directives = (value ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim())
  const isKeptOut = directives.includes('no-cache') || directives.includes('no-store')
  if (isKeptOut && directives.includes('no-transform')) return pass('cache-control', shown(String(value)))
  const what = value === undefined ? 'it is missing' : `it is "${shown(value)}"`
  const risk = isKeptOut ? 'proxies may compress' : 'caches may keep, and proxies compress,'
  const says = `${what}, where sser says "no-cache, no-transform": something on the way has changed it, and ${risk} what follows`
  return fail('cache-control', 'cache-control', says)
}

/** Of a stream whose first event came in time. */
export function compression(visit: Visit): Finding {
  const encoding = visit.header('content-encoding')
  if (encoding === undefined || encoding === 'identity')
    return pass('compression', 'none, though gzip was offered')
  const says = `${shown(encoding)}: something on the way compresses, though sser says no-transform. The first event came through; others may be held back, and each client costs the edge a compressor`
  return fail('compression', 'compressed', says)
}

/**
 * The header that proves an answer to be from a cache. `Age: 0` is no proof: Varnish adds it to each response.
 * @see https://www.rfc-editor.org/rfc/rfc9111.html#name-age
 */
export function cacheTrace(visit: Visit): string | undefined {
  const age = visit.header('age')
  if (age !== undefined && Number(age) > 0) return `age: ${shown(age)}`
  // Varnish adds the number of the request that the object came from, if it was an earlier one.
  const numbers = visit.header('x-varnish')
  if (numbers !== undefined && /^\d+ \d+$/.test(numbers)) return `x-varnish: ${shown(numbers)}`
  for (const name of ['cf-cache-status', 'x-cache', 'x-cache-status', 'x-proxy-cache', 'cache-status']) {
    const value = visit.header(name)
    if (value !== undefined && /\bhit\b/i.test(value)) return `${name}: ${shown(value)}`
  }
  return undefined
}

export function firstEvent(visit: Visit): Finding {
  const { listening } = visit
  const head = time(listening?.headMs ?? 0)
  return pass('first event', `in ${time(listening?.greeting?.ms ?? 0)} (the head of the response in ${head})`)
}

function mediaType(visit: Visit): string | undefined {
  return visit.header('content-type')?.split(';')[0]?.trim().toLowerCase()
}
