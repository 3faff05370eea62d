import { describe, expect, it } from 'vitest'
import { discardBody, readBody } from '../../src/http/body.ts'
import { within } from '../support/until.ts'

/** A body that counts the chunks that are read. */
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
  it('is read as text up to and including its limit', async () => {
    expect(await readBody(new Response('hello'), 5)).toBe('hello')
    expect(await readBody(new Response(''), 5)).toBe('')
    expect(await readBody(new Response(null), 5)).toBe('')
  })

  it('is read as UTF-8 where a piece ends within a character', async () => {
    const text = 'é漢😀'
    const { body } = countedBody(Array.from(bytes(text), (byte) => new Uint8Array([byte])))
    expect(await readBody(new Response(body), 100)).toBe(text)
  })

  it('has U+FFFD for invalid UTF-8', async () => {
    const { body } = countedBody([new Uint8Array([97, 0xff, 98, 0xe6])])
    expect(await readBody(new Response(body), 100)).toBe('a\ufffdb\ufffd')
  })

  it('is rejected with its limit where it is one byte too long', async () => {
    await expect(readBody(new Response('hello!'), 5)).rejects.toMatchObject({
      code: 'body-too-large',
      message: expect.stringContaining('5 bytes'),
    })
  })

  it('is limited in bytes, not in characters', async () => {
    await expect(readBody(new Response('漢漢'), 5)).rejects.toMatchObject({ code: 'body-too-large' })
  })

  it('is rejected unread where it declares too many bytes', async () => {
    const { body, seen } = countedBody([kib])
    const message = new Response(body, { headers: { 'content-length': '2048' } })
    await expect(readBody(message, 1_024)).rejects.toMatchObject({ code: 'body-too-large' })
    expect(seen).toEqual({ pulled: 0, cancelled: true })
  })

  it('is cancelled beyond the limit where it has no end', async () => {
    const { body, seen } = countedBody(Array.from({ length: 100 }, () => kib))
    const refused = readBody(new Response(body), 2_048)
    await expect(within('the refusal', refused)).rejects.toMatchObject({ code: 'body-too-large' })
    expect(seen).toEqual({ pulled: 3, cancelled: true })
  })

  it('rejects with the cause where it breaks off', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('reset')) })
    await expect(readBody(new Response(body), 10)).rejects.toThrow('reset')
  })

  it('is discarded by reading a short one and cancelling a long one', async () => {
    const short = countedBody([kib])
    await discardBody(new Response(short.body))
    expect(short.seen).toEqual({ pulled: 2, cancelled: false })
    const long = countedBody(Array.from({ length: 100 }, () => kib))
    await discardBody(new Response(long.body))
    expect(long.seen.cancelled).toBe(true)
    expect(long.seen.pulled).toBeLessThan(10)
    await discardBody(new Response(null))
  })

  it('keeps its byte-order mark, which JSON must not have', async () => {
    expect(await readBody(new Response('\ufeffa'), 10)).toBe('\ufeffa')
  })
})
