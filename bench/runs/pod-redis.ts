// A Pod whose runs are streams of `resumable-stream` through Redis, as the documents of the AI SDK write them.
import { obey, serveRuns } from './command.ts'

const { HOST = '' } = process.env
const PACKAGE = new URL('./packages/node_modules/resumable-stream/dist/index.js', import.meta.url).href
const { createResumableStreamContext } = (await import(PACKAGE)) as {
  createResumableStreamContext(options: { waitUntil: null }): {
    createNewResumableStream(id: string, make: () => ReadableStream<string>): Promise<ReadableStream<string>>
    resumeExistingStream(id: string): Promise<ReadableStream<string> | null | undefined>
  }
}
const context = createResumableStreamContext({ waitUntil: null })

const url = await serveRuns(HOST, async (name) => {
  const stream = await context.resumeExistingStream(name)
  if (stream === null || stream === undefined) throw new Error(`${name} is ${stream}`)
  return stream
})

await obey({
  url,
  async open(name) {
    const { promise: ready, resolve } = Promise.withResolvers<ReadableStreamDefaultController<string>>()
    // The copy that the AI SDK stores; its reader of the first response reads the other branch.
    await context.createNewResumableStream(name, () => new ReadableStream({ start: resolve }))
    const controller = await ready
    return { write: (chunk) => controller.enqueue(frameOf(chunk)), end: () => controller.close() }
  },
})

/** The AI SDK stores frames of Server-Sent Events. */
function frameOf(chunk: string): string {
  return `data: ${chunk}\n\n`
}
