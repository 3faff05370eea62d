import { ownCopy } from '../wire/names.ts'
import { bunServerIn } from './fetch-handler.ts'

/** The second argument that runtimes hand to an app. */
interface Env {
  /** Node, by way of `@hono/node-server`. */
  incoming?: { socket?: { remoteAddress?: string | undefined; remotePort?: number | undefined } }
  /** Bun's server. */
  requestIP?: (request: Request) => { address: string; port: number } | null
}

/** Address and port of the client's end of the socket. Undefined where `env` does not have them. */
export function socketOf(request: Request, env: unknown): string | undefined {
  const { incoming, requestIP } = (env ?? {}) as Env
  const socket = incoming?.socket
  if (socket?.remotePort !== undefined) return `${socket.remoteAddress} ${socket.remotePort}`
  const held = requestIP?.call(env, request)
  return held ? `${held.address} ${held.port}` : undefined
}

/**
 * The client's address: the peer address of the socket or, with `trustedProxyHops`, that entry of `X-Forwarded-For` from
 * the right. An IPv6 /64 network counts as one address, because one client has all of it. Undefined where `env` has none.
 */
export function addressOf(request: Request, env: unknown, trustedProxyHops: number): string | undefined {
  const { incoming } = (env ?? {}) as Env
  const held = incoming?.socket?.remoteAddress ?? bunServerIn(env)?.requestIP(request)?.address
  if (trustedProxyHops === 0) return held === undefined ? undefined : networkOf(held)
  const address = nthFromEnd(request.headers.get('x-forwarded-for') ?? '', trustedProxyHops)
  return address === '' ? held : networkOf(address)
}

/** Longer than any address, in UTF-16 units. */
const MAX_ADDRESS_LENGTH = 64

/** The nth entry from the end of a list, or else the first. Does not split the header, which may be 16 KB of commas. */
function nthFromEnd(list: string, n: number): string {
  let end = list.length
  for (let i = 1; i < n; i += 1) {
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1)
    if (comma === -1) break
    end = comma
  }
  const entry = end === 0 ? '' : list.slice(list.lastIndexOf(',', end - 1) + 1, end).trim()
  return ownCopy(entry.slice(0, MAX_ADDRESS_LENGTH))
}

/** Forms that some proxies write: `10.1.1.1:1234`, `[2001:db8::1]`, `[2001:db8::1]:1234`. The client chooses the port. */
const WITH_PORT = /^(?:\[(.+)\]|([\d.]+))(?::\d+)?$/

function networkOf(written: string): string {
  const [, bracketed, plain] = WITH_PORT.exec(written) ?? []
  const address = bracketed ?? plain ?? written
  if (!address.includes(':')) return address
  try {
    // The canonical form of URLs, with the zeros of `::` written out.
    const [head = '', tail] = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1).split('::')
    const parts = head === '' ? [] : head.split(':')
    const rest = tail === undefined || tail === '' ? [] : tail.split(':')
    while (tail !== undefined && parts.length + rest.length < 8) parts.push('0')
    const all = [...parts, ...rest]
    if (all.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return ipv4Of(all.slice(6))
    return `${all.slice(0, 4).join(':')}::/64`
  } catch {
    return address
  }
}

/** Converts two groups of hexadecimal digits. */
function ipv4Of(groups: readonly string[]): string {
  return groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((bits) => [bits >> 8, bits & 255])
    .join('.')
}
