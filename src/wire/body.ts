import { SserError } from '../errors.ts'

/** A request that says it is longer is read piece by piece: what has come of it is to be known. */
const WHOLE_BYTES = 65_536

/**
 * Reads a body as text, up to `maxBytes`. A larger one is refused without reading the rest: rejects with
 * `body-too-large`, and what was left is cancelled. `onBytes` hears how many bytes are about to be held; what it
 * throws ends the reading likewise.
 */
export async function readBody(
  message: Request | Response,
  maxBytes: number,
  onBytes: (count: number) => void = () => {},
): Promise<string> {
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
  const length = headers.has('transfer-encoding') ? '' : (headers.get('content-length') ?? '')
  // Bun hands on a length that came twice as `5, 5`.
  if (message instanceof Request && /^\d+$/.test(length) && Number(length) <= WHOLE_BYTES) {
    onBytes(Number(length))
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
    try {
      size += value.byteLength
      if (size > maxBytes) throw tooLarge()
      onBytes(value.byteLength)
    } catch (error) {
      reader.cancel().catch(() => {})
      throw error
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
