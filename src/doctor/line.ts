import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Cause } from './finding.ts'

/** An open connection to the edge, over which nothing was said yet. */
export interface Line {
  socket: Socket | TLSSocket
  protocol: 'h2' | 'http/1.1'
  /** Until it was open, the TLS handshake and the look-up of the name included. */
  ms: number
  /** For people: the address, and the version of TLS. */
  says: string
}

/** There is no connection to ask over. */
export class NoLine extends Error {
  readonly reason: Cause

  constructor(reason: Cause, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

const CONNECT_MS = 10_000
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|ALTNAME|HOSTNAME_MISMATCH/

/** Connects as a browser would, which offers HTTP/2 wherever there is TLS. @throws NoLine */
export function openLine(url: URL, insecure: boolean): Promise<Line> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:'
    const port = Number(url.port) || (isSecure ? 443 : 80)
    const socket = isSecure
      ? connectTls({
          host,
          port,
          // A name only: TLS knows no addresses here.
          ...(isIP(host) === 0 && { servername: host }),
          ALPNProtocols: ['h2', 'http/1.1'],
          rejectUnauthorized: !insecure,
        })
      : connect({ host, port })
    let isConnected = false
    const timer = setTimeout(() => {
      const where = isConnected ? 'the TLS handshake does not end' : `${host}:${port} does not answer`
      fail(new NoLine(isConnected ? 'tls' : 'unreachable', `${where}, for ${CONNECT_MS / 1_000} s`))
    }, CONNECT_MS)
    const fail = (error: NoLine) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('connect', () => {
      isConnected = true
    })
    socket.once('error', (error: Error) => fail(explain(error, host, port, isConnected)))
    socket.once('close', () => fail(new NoLine('tls', 'the connection was closed in the TLS handshake')))
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error').removeAllListeners('close')
      // Until somebody asks over it.
      socket.on('error', () => {})
      const { remoteAddress = host } = socket
      const tls = isSecure ? (socket as TLSSocket) : undefined
      resolve({
        socket,
        protocol: tls?.alpnProtocol === 'h2' ? 'h2' : 'http/1.1',
        ms: performance.now() - start,
        says: `${remoteAddress} port ${port}${tls ? `, ${tls.getProtocol()}` : ''}`,
      })
    })
  })
}

function explain(error: Error, host: string, port: number, isConnected: boolean): NoLine {
  // Where a name has several addresses, each of them has failed.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error
  const code = String((first as { code?: unknown }).code ?? '')
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    const says = code === 'ENOTFOUND' ? 'has no address' : 'could not be looked up'
    return new NoLine('dns', `the name ${host} ${says} (${code})`, error)
  }
  if (code === 'ECONNREFUSED') return new NoLine('refused', `nobody listens on ${host}:${port}`, error)
  if (isConnected && UNTRUSTED.test(code))
    return new NoLine('certificate', `${first.message} (${code})`, error)
  if (isConnected) return new NoLine('tls', `${first.message} (${code})`, error)
  return new NoLine('unreachable', `${first.message || code}`, error)
}
