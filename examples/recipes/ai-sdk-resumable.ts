// The server of the AI SDK's page on resumable streams, with one import changed and without Redis.
import {
  convertToModelMessages,
  createUIMessageStreamResponse,
  generateId,
  type LanguageModel,
  streamText,
  toUIMessageStream,
  UI_MESSAGE_STREAM_HEADERS,
  type UIMessage,
} from 'ai'
import { Hono } from 'hono'
import type { Sser } from 'sser'
import { createResumableStreamContext } from 'sser/resumable-stream'
import type { Chats } from './ai-sdk.ts'

export function createApp(sser: Sser, { model, chats }: { model: LanguageModel; chats: Chats }) {
  const streamContext = createResumableStreamContext({ sser })
  return new Hono()
    .post('/api/chat', async (c) => {
      const { id, message } = await c.req.json<{ id: string; message: UIMessage }>()
      const messages = [...(await chats.read(id)).messages, message]
      await chats.save(id, { messages, activeStreamId: null })
      const stopped = new AbortController()
      const result = streamText({
        model,
        messages: await convertToModelMessages(messages),
        abortSignal: stopped.signal,
      })
      return createUIMessageStreamResponse({
        stream: toUIMessageStream({
          stream: result.stream,
          originalMessages: messages,
          generateMessageId: generateId,
          onEnd: ({ messages }) => chats.save(id, { messages, activeStreamId: null }),
        }),
        async consumeSseStream({ stream }) {
          const streamId = generateId()
          await streamContext.createNewResumableStream(streamId, (signal) => {
            // What the package has not: the signal aborts when any Pod cancels the stream.
            signal.addEventListener('abort', () => stopped.abort())
            return stream
          })
          await chats.save(id, { activeStreamId: streamId })
        },
      })
    })
    .get('/api/chat/:id/stream', async (c) => {
      const { activeStreamId } = await chats.read(c.req.param('id'))
      if (activeStreamId === null) return c.body(null, 204)
      const stream = await streamContext.resumeExistingStream(activeStreamId)
      if (stream === null || stream === undefined) return c.body(null, 204)
      return new Response(stream.pipeThrough(new TextEncoderStream()), { headers: UI_MESSAGE_STREAM_HEADERS })
    })
    .post('/api/chat/:id/stop', async (c) => {
      const { activeStreamId } = await chats.read(c.req.param('id'))
      return c.json(
        activeStreamId === null ? { outcome: 'not-running' } : await sser.cancelRun(activeStreamId),
      )
    })
}
