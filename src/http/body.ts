import { BodyBuffer, tooLarge } from './body-buffer.ts'

/** A longer declared body is read piece by piece, so that received bytes count. */
const WHOLE_BYTES = 65_536

/** The declared length of a body; undefined where the headers declare none, or chunks. */
export function declaredLength(headers: Headers): number | undefined {
  if (headers.has('transfer-encoding')) return undefined
  const length = headers.get('content-length') ?? ''
  // Bun passes on a length that was sent twice as `5, 5`.
  return /^\d+$/.test(length) ? Number(length) : undefined
}

/** Decodes a body. Keeps a byte-order mark, because JSON must not have one. */
export function decodeBody(bytes: Uint8Array | ArrayBuffer): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}

/**
 * Reads a body as text, up to `maxBytes`. Rejects a larger one, and one of too many small pieces, with `body-too-large` and
 * cancels the rest. Calls `onCost` with the cost of each piece, in bytes; an error of it also cancels the rest.
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
  // HTTP ends a request's body at its declared length, so it can be read whole, which costs a fraction of streaming it. A
  // response may be compressed.
  const length = message instanceof Request ? declaredLength(message.headers) : undefined
  if (length !== undefined && length <= WHOLE_BYTES) {
    onCost(length)
    const bytes = await message.arrayBuffer()
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes)
    return decodeBody(bytes)
  }
  if (message.body === null) return ''
  const buffer = new BodyBuffer(maxBytes, length)
  // Not `for await`, because every runtime can cancel a locked reader.
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

/** Bytes that are read only to be dropped. */
const DISCARD_BYTES = 4_096

/** Discards a body. Reads a short one to its end, because cancelling it would close the connection; cancels a longer one. */
export async function discardBody(message: Response): Promise<void> {
  await readBody(message, DISCARD_BYTES).catch(() => {})
}
