import { request as requestHttp1 } from 'node:http'
import { connect } from 'node:http2'
import type { Readable } from 'node:stream'
import { type Connection, openConnection } from './connection.ts'

export interface HttpRequest {
  url: URL
  headers: Readonly<Record<string, string>>
  /** Accepts any certificate. */
  insecure: boolean
  method?: 'GET' | 'HEAD'
}

/** The head of a response, and its unread body. */
export interface HttpResponse {
  status: number
  headers: ReadonlyMap<string, string>
  body: Readable
  /** When the head arrived, on the clock of `performance`. */
  headAt: number
}

/** A request that was sent over a connection of its own, and its pending response. */
export interface Exchange {
  connection: Connection
  /** When the request was sent, on the clock of `performance`. */
  sentAt: number
  /** Rejects if the connection closes before the head arrives, or if the response is not HTTP. */
  response: Promise<HttpResponse>
  close(): void
}

/**
 * Connects and sends a request.
 *
 * @throws ConnectError
 */
export async function sendRequest(request: HttpRequest): Promise<Exchange> {
  const connection = await openConnection(request.url, request.insecure)
  const exchange =
    connection.protocol === 'h2' ? sendHttp2(connection, request) : sendHttp1(connection, request)
  // The caller may stop waiting for the response: its rejection must not end the process.
  exchange.response.catch(() => {})
  return exchange
}

function sendHttp1(connection: Connection, { url, headers, method = 'GET' }: HttpRequest): Exchange {
  const sentAt = performance.now()
  const response = new Promise<HttpResponse>((resolve, reject) => {
    const message = requestHttp1({
      method,
      path: url.pathname + url.search,
      headers: { host: url.host, connection: 'keep-alive', ...headers },
      createConnection: () => connection.socket,
    })
    message.on('error', reject)
    message.on('response', (body) => {
      const { statusCode: status = 0, headers: received } = body
      resolve({ status, headers: flatten(received), body, headAt: performance.now() })
    })
    message.end()
  })
  return { connection, sentAt, response, close: () => connection.socket.destroy() }
}

function sendHttp2(connection: Connection, { url, headers, method = 'GET' }: HttpRequest): Exchange {
  const { host: authority = url.host, ...others } = headers
  const session = connect(url.origin, { createConnection: () => connection.socket })
  const sentAt = performance.now()
  const response = new Promise<HttpResponse>((resolve, reject) => {
    session.on('error', reject)
    session.on('close', () => reject(new Error('the server closed the connection')))
    const stream = session.request({
      ':method': method,
      ':path': url.pathname + url.search,
      ':authority': authority,
      ...others,
    })
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('the server closed the HTTP/2 stream')))
    stream.on('response', (received) => {
      const status = Number(received[':status'])
      resolve({ status, headers: flatten(received), body: stream, headAt: performance.now() })
    })
  })
  return {
    connection,
    sentAt,
    response,
    close: () => {
      session.destroy()
      connection.socket.destroy()
    },
  }
}

function flatten(headers: NodeJS.Dict<string | string[] | number>): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]))
}
