import { BodyBuffer, tooLarge } from './body-buffer.ts'

/** A request that declares a longer body is read piece by piece, so that the bytes that have come are counted. */
const WHOLE_BYTES = 65_536

/** The length that the headers declare; undefined where they declare none, or chunks. */
export function declaredLength(headers: Headers): number | undefined {
  if (headers.has('transfer-encoding')) return undefined
  const length = headers.get('content-length') ?? ''
  // Bun hands on a length that came twice as `5, 5`.
  return /^\d+$/.test(length) ? Number(length) : undefined
}

/** Decodes a body. A byte-order mark is no part of JSON, and is not to be overlooked. */
export function decodeBody(bytes: Uint8Array | ArrayBuffer): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/**
 * Reads a body as text, up to `maxBytes`. A larger one is refused without reading the rest: rejects with
 * `body-too-large`, and what was left is cancelled. So is one of too many small pieces. `onCost` hears what the next
 * piece counts as, in bytes; what it throws ends the reading likewise.
 */
export async function readBody(
  message: Request | Response,
  maxBytes: number,
  onCost: (bytes: number) => void = () => {},
): Promise<string> {
  if (Number(message.headers.get('content-length')) > maxBytes) {
    await message.body?.cancel().catch(() => {})
    throw tooLarge(maxBytes)
  }
  // A request that says how long it is cannot be longer: HTTP ends it there. To take it whole costs a fraction of
  // streaming it. A response may have been compressed.
  const length = message instanceof Request ? declaredLength(message.headers) : undefined
  if (length !== undefined && length <= WHOLE_BYTES) {
    onCost(length)
    const bytes = await message.arrayBuffer()
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes)
    return decodeBody(bytes)
  }
  if (message.body === null) return ''
  const buffer = new BodyBuffer(maxBytes, length)
  // Not `for await`: a locked reader is what every runtime can cancel.
  const reader: ReadableStreamDefaultReader<Uint8Array> = message.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return decodeBody(buffer.take())
    try {
      onCost(buffer.add(value))
    } catch (error) {
      reader.cancel().catch(() => {})
      throw error
    }
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
