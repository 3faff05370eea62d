import type { Connection } from './connection.ts'
import { type Finding, fail, pass, sanitize, unknown } from './finding.ts'
import type { Probe } from './probe.ts'

const EVENT_STREAM = 'text/event-stream'

/** A browser opens at most six HTTP/1.1 connections to a host, and an event stream occupies one of them. */
export function checkHttp2({ protocol }: Connection, url: URL): Finding {
  if (protocol === 'h2') return pass('HTTP/2', 'supported: all streams of a browser share one connection')
  if (url.protocol === 'http:') {
    const message =
      'not checked over http://, where browsers use HTTP/1.1 and open at most six connections to a host'
    return unknown('HTTP/2', message)
  }
  const message =
    'the server offers HTTP/1.1 only: a browser opens at most six connections to a host, so a seventh stream waits'
  return fail('HTTP/2', 'no-http2', message)
}

export function isEventStream(probe: Probe): boolean {
  return probe.header('content-type')?.split(';')[0]?.trim().toLowerCase() === EVENT_STREAM
}

/** Checks the type of a response with an event stream of sser in its body. */
export function checkContentType(probe: Probe): Finding {
  if (isEventStream(probe)) return pass('content-type', sanitize(String(probe.header('content-type'))))
  const type = probe.header('content-type')
  const observed = type === undefined ? 'missing' : sanitize(type)
  const message = `${observed}, but the body is an event stream of sser: a proxy or middleware changed the header, so an EventSource rejects the response`
  return fail('content-type', 'content-type', message)
}

/** Explains a response that is not an event stream of sser. */
export function notSser(probe: Probe, url: URL): Finding {
  const { recording } = probe
  const type = probe.header('content-type')
  if (isEventStream(probe)) {
    const reason = recording?.isOversized
      ? 'it begins with more than 2 MiB without an event'
      : 'its first event is not sser-position'
    return fail('sser', 'not-sser', `an event stream of another server: ${reason}`)
  }
  const observed = type === undefined ? 'a response without Content-Type' : sanitize(type)
  const excerpt = recording?.excerpt ? ` that begins with "${sanitize(recording.excerpt).slice(0, 60)}"` : ''
  const message = `${observed}${excerpt}, instead of text/event-stream: another route or a login page answers at ${sanitize(url.pathname)}`
  return fail('sser', 'not-sser', message)
}

export function checkCacheControl(probe: Probe): Finding {
  const value = probe.header('cache-control')
  const directives = (value ?? '')
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim())
  const isUncacheable = directives.includes('no-cache') || directives.includes('no-store')
  if (isUncacheable && directives.includes('no-transform'))
    return pass('cache-control', sanitize(String(value)))
  const observed = value === undefined ? 'missing' : `"${sanitize(value)}"`
  const risk = isUncacheable ? 'proxies may compress it' : 'caches may store it, and proxies may compress it'
  const message = `${observed}, but sser sends "no-cache, no-transform": a proxy or middleware changed the header of the response, so ${risk}`
  return fail('cache-control', 'cache-control', message)
}

/** Checks the content coding of a response after its first event came in time. */
export function checkCompression(probe: Probe): Finding {
  const encoding = probe.header('content-encoding')
  if (encoding === undefined || encoding === 'identity')
    return pass('compression', 'none, although the request accepts gzip')
  const message = `${sanitize(encoding)}: a proxy or middleware compresses the response, although sser sends no-transform. The first event came in time, but later ones may be delayed, and the proxy keeps a compressor for each client`
  return fail('compression', 'compressed', message)
}
