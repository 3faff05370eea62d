import { SserError } from '../errors.ts'
import { printable } from '../printable.ts'

/**
 * Why a request must come from a web page, and not from a peer; undefined: it need not. Browsers send `Origin` with
 * each POST, and pages cannot take it away. `fetch` of Node sends `Sec-Fetch-Mode: cors`, too, and nothing else of these.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function webPageFault(headers: Headers): SserError | undefined {
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
 * Why a `GET` comes from a page of another origin; undefined where the user asked for it, or a page of the same origin
 * did. A page whose name leads to this Pod (DNS rebinding) is of the same origin: {@link hostFault} refuses it.
 */
export function crossOriginFault(headers: Headers): SserError | undefined {
  const site = headers.get('sec-fetch-site') ?? 'none'
  if (!headers.has('origin') && (site === 'none' || site === 'same-origin')) return undefined
  return new SserError(
    'forbidden-origin',
    'Requests of pages of another origin are refused; open this address by hand',
  )
}

/** IP addresses, and names that are in no public DNS: of one label, or of a top-level domain that is private. */
const PRIVATE_HOST =
  /^(?:[^.]+|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]|.+\.(?:localhost|local|internal|svc|test))$/
/** The port, and the dot that ends a name in full. */
const END = /\.?(?::\d*)?$/

/**
 * Why the `Host` of a request is no name of this Pod; undefined where it may be one, or is missing. Without this, a page
 * whose own name leads to this Pod for a moment (DNS rebinding) could read what it answers.
 */
export function hostFault(
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

/** `.example.com` stands for `example.com` and all names below it. */
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
