import { request } from 'node:http'
import { connect } from 'node:http2'
import type { Readable } from 'node:stream'
import { type Line, openLine } from './line.ts'

export interface Question {
  url: URL
  headers: Readonly<Record<string, string>>
  insecure: boolean
  method?: 'GET' | 'HEAD'
}

/** The head of a response; its body was not read yet. */
export interface Answer {
  status: number
  headers: ReadonlyMap<string, string>
  body: Readable
  /** On the clock of `performance`. */
  headAt: number
}

/** A question that is on its way, over a connection of its own. */
export interface Asked {
  line: Line
  askedAt: number
  /** Rejects when the connection ends, or is no HTTP, before there is a head. */
  answer: Promise<Answer>
  close(): void
}

/** Asks. @throws NoLine */
export async function ask(question: Question): Promise<Asked> {
  const line = await openLine(question.url, question.insecure)
  const asked = line.protocol === 'h2' ? askHttp2(line, question) : askHttp1(line, question)
  // Who asks may have lost interest by then.
  asked.answer.catch(() => {})
  return asked
}

function askHttp1(line: Line, { url, headers, method = 'GET' }: Question): Asked {
  const askedAt = performance.now()
  const answer = new Promise<Answer>((resolve, reject) => {
    const message = request({
      method,
      path: url.pathname + url.search,
      headers: { host: url.host, connection: 'keep-alive', ...headers },
      createConnection: () => line.socket,
    })
    message.on('error', reject)
    message.on('response', (body) => {
      const { statusCode: status = 0, headers: received } = body
      resolve({ status, headers: flatten(received), body, headAt: performance.now() })
    })
    message.end()
  })
  return { line, askedAt, answer, close: () => line.socket.destroy() }
}

function askHttp2(line: Line, { url, headers, method = 'GET' }: Question): Asked {
  const { host: authority = url.host, ...others } = headers
  const session = connect(url.origin, { createConnection: () => line.socket })
  const askedAt = performance.now()
  const answer = new Promise<Answer>((resolve, reject) => {
    session.on('error', reject)
    session.on('close', () => reject(new Error('the connection was closed')))
    const stream = session.request({
      ':method': method,
      ':path': url.pathname + url.search,
      ':authority': authority,
      ...others,
    })
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('the stream was closed')))
    stream.on('response', (received) => {
      const status = Number(received[':status'])
      resolve({ status, headers: flatten(received), body: stream, headAt: performance.now() })
    })
  })
  return {
    line,
    askedAt,
    answer,
    close: () => {
      session.destroy()
      line.socket.destroy()
    },
  }
}

function flatten(headers: NodeJS.Dict<string | string[] | number>): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]))
}
