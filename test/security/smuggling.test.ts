import { describe, expect, test } from 'vitest'
import { RawClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { Target } from './target.ts'

const EVENT = '{"stream":"target","msg":"smuggled"}'
const FORM = `Content-Type: application/json\r\nContent-Length: ${EVENT.length}`
/** A request, on either port, that must not be read as one: its event would be delivered. */
const SMUGGLED = {
  url: `POST /send?stream=target HTTP/1.1\r\nHost: x\r\n${FORM}\r\n\r\n${EVENT}`,
  internalUrl: `POST /api/json/v1/send HTTP/1.1\r\nHost: x\r\n${FORM}\r\n\r\n${EVENT}`,
}

/** Each is one request to one party and two to another, where the two do not agree on where a request ends. */
const SHAPES: Record<string, (smuggled: string) => string> = {
  'both lengths': (text) => post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${text}`),
  'two lengths': (text) => post(`Content-Length: 0\r\nContent-Length: ${text.length}`, text),
  'an odd encoding': (text) => post('Transfer-Encoding: xchunked', text),
  'a space before the colon': (text) => post(`Content-Length : ${text.length}`, text),
  'a folded line': (text) => post(`X: a\r\n Content-Length: ${text.length}`, text),
  'lines that end with a bare LF': (text) => text.replaceAll('\r\n', '\n'),
  'a chunk that ends with a bare LF': (text) => post('Transfer-Encoding: chunked', `0\n\n${text}`),
}

function post(headers: string, body: string): string {
  return `POST /nowhere HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`
}

describe.each([
  ['node', '127.0.133.1'],
  ['bun', '127.0.133.2'],
] as const)('under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host)

  test.each(Object.entries(SHAPES))(
    'never acts on a request smuggled behind another, by %s',
    async (_, shape) => {
      await target.endures(async () => {
        const listening = await RawClient.events(target.url, ['target'])
        await listening.holds('a greeting', (text) => text.includes('sser-position'))
        for (const port of ['url', 'internalUrl'] as const) {
          const raw = await RawClient.open(target[port])
          raw.socket.write(shape(SMUGGLED[port]))
          await raw.holds('an answer', (text) => text.startsWith('HTTP/1.1 '))
          expect(raw.text).toMatch(/^HTTP\/1\.1 (400|404|505) /)
          raw.socket.destroy()
        }
        await target.send({ stream: 'target' }, 'the end')
        expect(await listening.holds('the end', (text) => text.includes('data: the end\n'))).not.toContain(
          'smuggled',
        )
        listening.socket.destroy()
      })
    },
  )

  test('never answers requests inside an event stream', async () => {
    await target.endures(async () => {
      const raw = await RawClient.events(target.url, ['target'])
      for (let times = 0; times < 100; times += 1) raw.socket.write(SMUGGLED.url)
      await until('it has its stream, or the end', () => raw.isClosed || raw.text.includes('sser-position'))
      await target.send({ stream: 'target' }, 'the end')
      await until('it has the event, or the end', () => raw.isClosed || raw.text.includes('data: the end\n'))
      expect((raw.text.match(/HTTP\/1\.1/g) ?? []).length).toBeLessThan(2)
      raw.socket.destroy()
    })
  })
})
