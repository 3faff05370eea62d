import { SserError } from '../errors.ts'
import { printable } from '../printable.ts'

/**
 * The error of a request that comes from a web page; undefined where it may come from a peer. Browsers send `Origin` with
 * each POST, and a page cannot remove it. Node's `fetch` sends only `Sec-Fetch-Mode: cors` of these headers.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function webPageError(headers: Headers): SserError | undefined {
  const mode = headers.get('sec-fetch-mode')
  const isOfPage =
    headers.has('origin') ||
    headers.has('sec-fetch-site') ||
    headers.has('sec-fetch-dest') ||
    (mode !== null && mode !== 'cors')
  if (!isOfPage) return undefined
  return new SserError('forbidden-origin', 'Requests of web pages are refused on the internal port')
}

/**
 * The error of a `GET` from a page of another origin; undefined where the user or a page of the same origin made it. A
 * page under a name that resolves to this Pod (DNS rebinding) has the same origin: {@link hostError} refuses it.
 */
export function crossOriginError(headers: Headers): SserError | undefined {
  const site = headers.get('sec-fetch-site') ?? 'none'
  if (!headers.has('origin') && (site === 'none' || site === 'same-origin')) return undefined
  return new SserError(
    'forbidden-origin',
    'Requests of pages of another origin are refused; open this address by hand',
  )
}

/**
 * Types for which a browser asks by a preflight request before a page sends them to another origin. All others are refused,
 * because the list of those that it sends at once is longer than that of forms: `text/ping` of a link, and any form's type with
 * a tab before its parameters.
 */
const PREFLIGHTED_TYPE = /^application\/(?:json|x-ndjson|ndjson|jsonl|x-jsonlines)[ \t]*(?:;|$)/i

/**
 * The error of a `POST` that a page of another origin may send with the cookies of its visitor, without asking this server
 * first by a preflight request; undefined where no page can have sent it, or one of the same origin has.
 * @see https://fetch.spec.whatwg.org/#cors-safelisted-request-header
 */
export function crossOriginPostError(headers: Headers): SserError | undefined {
  if (PREFLIGHTED_TYPE.test(headers.get('content-type') ?? '')) return undefined
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  if (
    site === null
      ? origin === null || hostOf(origin) === headers.get('host')
      : site === 'same-origin' || site === 'none'
  )
    return undefined
  return new SserError(
    'forbidden-origin',
    'Pages of another origin may publish with the Content-Type application/json or application/x-ndjson, which CORS of the app must allow',
  )
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

/** IP addresses, and names outside of public DNS: of one label, or with a private top-level domain. */
const PRIVATE_HOST =
  /^(?:[^.]+|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]|.+\.(?:localhost|local|internal|svc|test))$/
/** The port, and the dot that ends a fully qualified name. */
const END = /\.?(?::\d*)?$/

/**
 * The error of a request with a `Host` that is not a known name of this Pod; undefined where it is known or missing.
 * Without this check a page under a name that resolves to this Pod for a moment (DNS rebinding) could read its
 * responses.
 */
export function hostError(
  headers: Headers,
  allowedHosts: readonly string[],
  peerAddresses: () => readonly string[],
): SserError | undefined {
  const host = headers.get('host')?.replace(END, '').toLowerCase() ?? ''
  if (host === '' || PRIVATE_HOST.test(host) || allowedHosts.some((name) => matches(host, name)))
    return undefined
  const known = withoutOrdinal(host)
  if (peerAddresses().some((address) => withoutOrdinal(address.replace(END, '').toLowerCase()) === known))
    return undefined
  return new SserError(
    'forbidden-origin',
    `The host "${printable(host.slice(0, 256))}" is not known as a name of this Pod; if it is one, add it to the option allowedInternalHosts`,
  )
}

/** `.example.com` matches `example.com` and all its subdomains. */
function matches(host: string, name: string): boolean {
  const lower = name.toLowerCase()
  return host === lower || (lower.startsWith('.') && (host.endsWith(lower) || host === lower.slice(1)))
}

/**
 * The name without the ordinal of a StatefulSet's Pod: a list of `web-1.web.shop` and `web-2.web.shop` names the Pods of one
 * Service in one namespace, and may leave out `web-0.web.shop`, this Pod itself.
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id
 */
function withoutOrdinal(name: string): string {
  return name.replace(/^([^.]+-)\d+\.(?=[^.]+\.)/, '$1.')
}
