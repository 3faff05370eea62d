import { describe, expect, it } from 'vitest'
import { discardBody, readBody } from '../../src/http/body.ts'
import { within } from '../support/until.ts'

/** A body that counts what is taken of it. */
function countedBody(chunks: readonly Uint8Array[]) {
  const seen = { pulled: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[seen.pulled]
        seen.pulled += 1
        if (chunk === undefined) controller.close()
        else controller.enqueue(chunk)
      },
      cancel() {
        seen.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { seen, body }
}

const bytes = (text: string) => new TextEncoder().encode(text)
const kib = new Uint8Array(1_024).fill(120)

describe('a body', () => {
  it('is read as text, whole, up to and including its limit', async () => {
    expect(await readBody(new Response('hello'), 5)).toBe('hello')
    expect(await readBody(new Response(''), 5)).toBe('')
    expect(await readBody(new Response(null), 5)).toBe('')
  })

  it('is read as UTF-8 even where a character is cut in two', async () => {
    const text = 'é漢😀'
    const { body } = countedBody(Array.from(bytes(text), (byte) => new Uint8Array([byte])))
    expect(await readBody(new Response(body), 100)).toBe(text)
  })

  it('has U+FFFD where it is no UTF-8', async () => {
    const { body } = countedBody([new Uint8Array([97, 0xff, 98, 0xe6])])
    expect(await readBody(new Response(body), 100)).toBe('a\ufffdb\ufffd')
  })

  it('that is one byte too long is refused, its limit named', async () => {
    await expect(readBody(new Response('hello!'), 5)).rejects.toMatchObject({
      code: 'body-too-large',
      message: expect.stringContaining('5 bytes'),
    })
  })

  it('is counted in bytes, not in characters', async () => {
    await expect(readBody(new Response('漢漢'), 5)).rejects.toMatchObject({ code: 'body-too-large' })
  })

  it('that announces too much is refused unread', async () => {
    const { body, seen } = countedBody([kib])
    const message = new Response(body, { headers: { 'content-length': '2048' } })
    await expect(readBody(message, 1_024)).rejects.toMatchObject({ code: 'body-too-large' })
    expect(seen).toEqual({ pulled: 0, cancelled: true })
  })

  it('that goes on and on is cancelled once it is past the limit', async () => {
    const { body, seen } = countedBody(Array.from({ length: 100 }, () => kib))
    const refused = readBody(new Response(body), 2_048)
    await expect(within('the refusal', refused)).rejects.toMatchObject({ code: 'body-too-large' })
    expect(seen).toEqual({ pulled: 3, cancelled: true })
  })

  it('that breaks off rejects with the cause', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('reset')) })
    await expect(readBody(new Response(body), 10)).rejects.toThrow('reset')
  })

  it('that nobody needs is read to its end where it is short, and cancelled where it is not', async () => {
    const short = countedBody([kib])
    await discardBody(new Response(short.body))
    expect(short.seen).toEqual({ pulled: 2, cancelled: false })
    const long = countedBody(Array.from({ length: 100 }, () => kib))
    await discardBody(new Response(long.body))
    expect(long.seen.cancelled).toBe(true)
    expect(long.seen.pulled).toBeLessThan(10)
    await discardBody(new Response(null))
  })

  it('keeps its byte order mark, which is no part of JSON', async () => {
    expect(await readBody(new Response('\ufeffa'), 10)).toBe('\ufeffa')
  })
})
