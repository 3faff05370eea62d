import { SserError } from '../errors.ts'

/**
 * Reads a body as text, up to `maxBytes`. A larger one is refused without reading the rest: rejects with
 * `body-too-large`, and what was left is cancelled.
 */
export async function readBody(message: Request | Response, maxBytes: number): Promise<string> {
  const tooLarge = () => new SserError('body-too-large', `A body has at most ${maxBytes} bytes`)
  if (Number(message.headers.get('content-length')) > maxBytes) {
    await message.body?.cancel().catch(() => {})
    throw tooLarge()
  }
  // A byte-order mark is no part of JSON, and is not to be overlooked.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  // A request that says how long it is cannot be longer: HTTP ends it there. To take it whole costs a fraction of
  // streaming it. A response may have been compressed.
  const { headers } = message
  if (message instanceof Request && headers.has('content-length') && !headers.has('transfer-encoding')) {
    const bytes = await message.arrayBuffer()
    if (bytes.byteLength > maxBytes) throw tooLarge()
    return decoder.decode(bytes)
  }
  if (message.body === null) return ''
  let text = ''
  let size = 0
  // Not `for await`: a locked reader is what every runtime can cancel.
  const reader: ReadableStreamDefaultReader<Uint8Array> = message.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    if (size > maxBytes) {
      reader.cancel().catch(() => {})
      throw tooLarge()
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** Bytes that are read only to be thrown away. */
const DISCARD_BYTES = 4_096

/**
 * Lets go of a body that nobody needs: a short one is read to its end, since cancelling it would cost the
 * connection; a longer one is cancelled.
 */
export async function discardBody(message: Response): Promise<void> {
  await readBody(message, DISCARD_BYTES).catch(() => {})
}
