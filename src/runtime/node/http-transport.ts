import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { SserError } from '../../errors.ts'
import { BodyBuffer, decodeBody, tooLarge } from '../../http/body.ts'
import type { PeerTls } from '../../transport/certificates.ts'
import type { PeerResponse, PeerTransport } from '../../transport/peer-transport.ts'
import { SIGNATURE_HEADER } from '../../transport/signatures.ts'

/** Time until connections with a replaced certificate are closed, in milliseconds. */
const OLD_AGENT_MS = 60_000

/**
 * Posts to peers with Node's own HTTP client, because `fetch` costs three times as much, and a Pod with few events needs
 * one request for each event and peer.
 */
export function httpTransport(tls: (() => PeerTls) | undefined): PeerTransport {
  const send = sender(tls)
  return ({ host, path, headers, body, maxBytes, signal }) => {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(signal.aborted ? signal.reason : error)
      const { hostname, port } = new URL(`http://${host}`)
      const target = {
        hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
        port,
        path,
        method: 'POST',
        signal,
      }
      const length = Buffer.byteLength(body)
      const posting = send({ ...target, headers: { ...headers, 'content-length': length } }, (response) => {
        if (response.statusCode === 200 && maxBytes > 0) read(response, maxBytes).then(resolve, fail)
        else resolve(dismiss(response))
      })
      let hints = 0
      posting.on('information', () => {
        hints += 1
        if (hints > MAX_HINTS)
          posting.destroy(new SserError('peer-failed', `sent more than ${MAX_HINTS} informational responses`))
      })
      posting.on('error', fail).end(body)
    })
  }
}

/** Maximum number of informational responses (1xx) before the final one. */
const MAX_HINTS = 16

type Send = (options: RequestOptions, onResponse: (response: IncomingMessage) => void) => ClientRequest

function sender(current: (() => PeerTls) | undefined): Send {
  if (current === undefined) {
    const agent = new Agent({ keepAlive: true })
    return (options, onResponse) => request({ ...options, agent }, onResponse)
  }
  let tls = current()
  let agent = agentWith(tls)
  return (options, onResponse) => {
    if (tls !== current()) {
      // The old connections may still be in use; new ones have the renewed certificate.
      setTimeout((old: TlsAgent) => old.destroy(), OLD_AGENT_MS, agent).unref()
      tls = current()
      agent = agentWith(tls)
    }
    return requestTls({ ...options, agent, servername: tls.servername }, onResponse)
  }
}

function agentWith(tls: PeerTls): TlsAgent {
  // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED, which may be set for other requests, cannot let any peer in.
  return new TlsAgent({ keepAlive: true, ...tls, rejectUnauthorized: true })
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

function headOf({ statusCode, headers }: IncomingMessage): Omit<PeerResponse, 'body'> {
  return { status: statusCode as number, signature: headers[SIGNATURE_HEADER] as string | undefined }
}
