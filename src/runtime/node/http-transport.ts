import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { SserError } from '../../errors.ts'
import { BodyBuffer, decodeBody, tooLarge } from '../../http/body.ts'
import { FIRST_BYTE } from '../../http/duplex.ts'
import type { PeerTls } from '../../transport/certificates.ts'
import type {
  DuplexTransport,
  ExchangeRequest,
  PeerResponse,
  PeerTransport,
  PeerTransports,
} from '../../transport/peer-transport.ts'
import { SIGNATURE_HEADER } from '../../transport/signatures.ts'
import { NodeDuplex } from './node-duplex.ts'

/** Time until connections with a replaced certificate are closed, in milliseconds. */
const OLD_AGENT_MS = 60_000

/** The transports of Node's own HTTP client, with the certificates of `tls`. */
export function httpTransports(tls: (() => PeerTls) | undefined): PeerTransports {
  return { post: httpTransport(tls), open: httpDuplexTransport(tls) }
}

/**
 * Posts to peers with Node's own HTTP client, because `fetch` costs three times as much, and a Pod with few events needs
 * one request for each event and peer.
 */
export function httpTransport(tls: (() => PeerTls) | undefined): PeerTransport {
  const send = sender(tls, { keepAlive: true })
  return (request) => {
    const { headers, body, maxBytes, signal } = request
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(signal.aborted ? signal.reason : error)
      const length = Buffer.byteLength(body)
      const options = { ...targetOf(request), headers: { ...headers, 'content-length': length } }
      const posting = send(options, (response) => {
        if (response.statusCode === 200 && maxBytes > 0) read(response, maxBytes).then(resolve, fail)
        else resolve(dismiss(response))
      })
      limitHints(posting)
      posting.on('error', fail).end(body)
    })
  }
}

/** Opens a POST whose body stays open, each on a connection of its own, with Node's own HTTP client. */
export function httpDuplexTransport(tls: (() => PeerTls) | undefined): DuplexTransport {
  const send = sender(tls, { keepAlive: false })
  return (request) => {
    const { headers, signal } = request
    return new Promise((resolve, reject) => {
      // Node would close the connection at the end of one of the bodies.
      const own = { connection: 'keep-alive', 'transfer-encoding': 'chunked' }
      const options = { ...targetOf(request), headers: { ...headers, ...own } }
      const posting = send(options, (response) => {
        const head = headOf(response)
        if (head.status === 200) resolve({ ...head, duplex: new NodeDuplex(posting, response) })
        else resolve({ ...head, duplex: undefined })
        if (head.status !== 200) response.on('error', () => {}).destroy()
      })
      limitHints(posting)
      posting.on('error', (error) => reject(signal.aborted ? signal.reason : error))
      posting.write(FIRST_BYTE)
    })
  }
}

function targetOf({ host, path, signal }: ExchangeRequest): RequestOptions {
  const { hostname, port } = new URL(`http://${host}`)
  return { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port, path, method: 'POST', signal }
}

function limitHints(posting: ClientRequest): void {
  let hints = 0
  posting.on('information', () => {
    hints += 1
    if (hints > MAX_HINTS)
      posting.destroy(new SserError('peer-failed', `sent more than ${MAX_HINTS} informational responses`))
  })
}

/** Maximum number of informational responses (1xx) before the final one. */
const MAX_HINTS = 16

type Send = (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest

function sender(current: (() => PeerTls) | undefined, { keepAlive }: { keepAlive: boolean }): Send {
  if (current === undefined) {
    const agent = new Agent({ keepAlive })
    return (options, onResponse) => request({ ...options, agent }, onResponse)
  }
  let tls = current()
  let agent = agentWith(tls, keepAlive)
  return (options, onResponse) => {
    if (tls !== current()) {
      // The old connections may still be in use; new ones have the renewed certificate.
      setTimeout((old: TlsAgent) => old.destroy(), OLD_AGENT_MS, agent).unref()
      tls = current()
      agent = agentWith(tls, keepAlive)
    }
    return requestTls({ ...options, agent, servername: tls.servername }, onResponse)
  }
}

function agentWith(tls: PeerTls, keepAlive: boolean): TlsAgent {
  // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED, which may be set for other requests, cannot let any peer in.
  return new TlsAgent({ keepAlive, ...tls, rejectUnauthorized: true })
}

function read(response: IncomingMessage, maxBytes: number): Promise<PeerResponse> {
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown) => {
      response.destroy()
      reject(error)
    }
    if (Number(response.headers['content-length']) > maxBytes) {
      refuse(tooLarge(maxBytes))
      return
    }
    const buffer = new BodyBuffer(maxBytes)
    response.on('data', (piece: Buffer) => {
      if (response.destroyed) return
      try {
        buffer.add(piece)
      } catch (error) {
        refuse(error)
      }
    })
    response.on('end', () => resolve({ ...headOf(response), body: decodeBody(buffer.take()) }))
    response.on('error', reject)
  })
}

/** Discards the body of a response. Where it did not arrive with the head, the connection is closed. */
function dismiss(response: IncomingMessage): PeerResponse {
  response.on('error', () => {}).resume()
  setImmediate(() => response.complete || response.destroy())
  return { ...headOf(response), body: '' }
}

function headOf({ statusCode, headers }: IncomingMessage): { status: number; signature: string | undefined } {
  return { status: statusCode as number, signature: headers[SIGNATURE_HEADER] as string | undefined }
}
