import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Cause } from './finding.ts'

/** An open connection to the server of the URL, before the first request. */
export interface Connection {
  socket: Socket | TLSSocket
  protocol: 'h2' | 'http/1.1'
  /** Milliseconds until the connection was open, including the DNS lookup and the TLS handshake. */
  ms: number
  /** The address and the version of TLS, for people. */
  description: string
}

/** The connection could not be opened. */
export class ConnectError extends Error {
  readonly reason: Cause

  constructor(reason: Cause, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

const CONNECT_TIMEOUT_MS = 10_000
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|ALTNAME|HOSTNAME_MISMATCH/

/**
 * Connects as a browser does, and so offers HTTP/2 over TLS.
 *
 * @throws ConnectError
 */
export function openConnection(url: URL, insecure: boolean): Promise<Connection> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:'
    const port = Number(url.port) || (isSecure ? 443 : 80)
    const socket = isSecure
      ? connectTls({
          host,
          port,
          // Node rejects an IP address as a server name.
          ...(isIP(host) === 0 && { servername: host }),
          ALPNProtocols: ['h2', 'http/1.1'],
          rejectUnauthorized: !insecure,
        })
      : connect({ host, port })
    let isConnected = false
    const timer = setTimeout(() => {
      const step = isConnected ? 'the TLS handshake' : `the connection to ${host}:${port}`
      const message = `${step} did not complete within ${CONNECT_TIMEOUT_MS / 1_000} s`
      fail(new ConnectError(isConnected ? 'tls' : 'unreachable', message))
    }, CONNECT_TIMEOUT_MS)
    const fail = (error: ConnectError) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('connect', () => {
      isConnected = true
    })
    socket.once('error', (error: Error) => fail(explain(error, host, port, isConnected)))
    socket.once('close', () =>
      fail(new ConnectError('tls', 'the server closed the connection during the TLS handshake')),
    )
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error').removeAllListeners('close')
      // An error before the first request must not end the process.
      socket.on('error', () => {})
      const { remoteAddress = host } = socket
      const tls = isSecure ? (socket as TLSSocket) : undefined
      resolve({
        socket,
        protocol: tls?.alpnProtocol === 'h2' ? 'h2' : 'http/1.1',
        ms: performance.now() - start,
        description: `${remoteAddress} port ${port}${tls ? `, ${tls.getProtocol()}` : ''}`,
      })
    })
  })
}

function explain(error: Error, host: string, port: number, isConnected: boolean): ConnectError {
  // If a name has several addresses, the connection to each of them failed.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error
  const code = String((first as { code?: unknown }).code ?? '')
  if (code === 'ENOTFOUND') return new ConnectError('dns', `the name ${host} has no address (${code})`, error)
  if (code.startsWith('EAI_'))
    return new ConnectError('dns', `the DNS lookup of ${host} failed (${code})`, error)
  if (code === 'ECONNREFUSED')
    return new ConnectError(
      'refused',
      `${host}:${port} refused the connection: no server listens there`,
      error,
    )
  if (isConnected && UNTRUSTED.test(code))
    return new ConnectError(
      'certificate',
      `the certificate is not trusted: ${first.message} (${code})`,
      error,
    )
  if (isConnected) return new ConnectError('tls', `${first.message} (${code})`, error)
  return new ConnectError('unreachable', `${first.message || code}`, error)
}
