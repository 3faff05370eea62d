import { describe, expect, test } from 'vitest'
import { Raw } from '../fleet/clients.ts'
import { Victim } from './victim.ts'

const SMUGGLED = 'POST /send?stream=target HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nsmuggled'

/** Each is one request to one party and two to another, where the two do not agree on where a request ends. */
const SHAPES: Record<string, string> = {
  'both lengths': `POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  'two lengths': `POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  'an odd encoding': `POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n${SMUGGLED}`,
  'a space before the colon': `POST /events HTTP/1.1\r\nHost: x\r\nContent-Length : ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  'a folded line': `POST /events HTTP/1.1\r\nHost: x\r\nX: a\r\n Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  'bare LF': SMUGGLED.replaceAll('\r\n', '\n'),
  'a chunk with a bare LF': `POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n${SMUGGLED}`,
}

describe.each([
  ['node', '127.0.133.1'],
  ['bun', '127.0.133.2'],
] as const)('under %s', (runtime, host) => {
  const victim = Victim.forAll(runtime, host)

  test.each(Object.entries(SHAPES))('%s', async (_, bytes) => {
    await victim.endures(async () => {
      const listening = await Raw.events(victim.url, ['target'])
      await listening.holds('a greeting', (text) => text.includes('sser-position'))
      const raw = await Raw.open(victim.url)
      raw.socket.write(bytes)
      await raw.holds('an answer, or the end', (text) => text.startsWith('HTTP/1.1 ')).catch(() => {})
      await victim.send({ stream: 'target' }, 'the end')
      const heard = await listening.holds('the end', (text) => text.includes('data: the end\n'))
      console.log(runtime, _, raw.text.split('\r\n')[0], raw.isClosed, heard.includes('smuggled'))
      for (const each of [raw, listening]) each.socket.destroy()
    })
  })

  test('requests behind an event stream are not answered in it', async () => {
    await victim.endures(async () => {
      const raw = await Raw.events(victim.url, ['target'])
      for (let times = 0; times < 100; times += 1) raw.socket.write(SMUGGLED)
      await raw.holds('a greeting', (text) => text.includes('sser-position'))
      await victim.send({ stream: 'target' }, 'the end')
      const text = await raw.holds('the end', (text) => text.includes('data: the end\n'))
      expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
      raw.socket.destroy()
    })
  })
})
