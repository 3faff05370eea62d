import { SserError } from '../errors.ts'

/**
 * Reads a body as text, up to `maxBytes`. A larger one is refused without reading the rest: rejects with
 * `body-too-large`, and what was left is cancelled.
 */
export async function readBody(message: Request | Response, maxBytes: number): Promise<string> {
  const tooLarge = () => new SserError('body-too-large', `A body has at most ${maxBytes} bytes`)
  if (Number(message.headers.get('content-length')) > maxBytes) {
    await discardBody(message)
    throw tooLarge()
  }
  if (message.body === null) return ''
  const decoder = new TextDecoder()
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

/** Lets go of a body that nobody will read, so that its connection is free again. */
export async function discardBody(message: Request | Response): Promise<void> {
  await message.body?.cancel().catch(() => {})
}
