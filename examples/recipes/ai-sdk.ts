// A chat of the AI SDK on several Pods: the answer is a run, which a page reads again after a reload, and stops, on any Pod.
import {
  convertToModelMessages,
  generateId,
  type LanguageModel,
  streamText,
  toUIMessageStream,
  UI_MESSAGE_STREAM_HEADERS,
  type UIMessage,
} from 'ai'
import { type Context, Hono } from 'hono'
import type { Run, Sser } from 'sser'

/** In place of the app's database, which all Pods share. */
export interface Chats {
  read(id: string): Promise<{ messages: UIMessage[]; activeStreamId: string | null }>
  save(id: string, changes: { messages?: UIMessage[]; activeStreamId?: string | null }): Promise<void>
}

export function createApp(sser: Sser, { model, chats }: { model: LanguageModel; chats: Chats }) {
  /** Each chunk of the run is one part of the message, as JSON: the plain dialect sends it as the AI SDK expects it. */
  const respond = (streamId: string, { req, env }: Context) =>
    sser.runResponse(streamId, req.raw, { dialect: 'plain', headers: UI_MESSAGE_STREAM_HEADERS, env })

  const answer = async (run: Run, chat: string, messages: UIMessage[]) => {
    // Aborts when any Pod cancels the run; the end of the request does not concern it.
    const result = streamText({
      model,
      messages: await convertToModelMessages(messages),
      abortSignal: run.signal,
    })
    const parts = toUIMessageStream({
      stream: result.stream,
      originalMessages: messages,
      generateMessageId: generateId,
      onEnd: ({ messages }) => chats.save(chat, { messages, activeStreamId: null }),
    })
    for await (const part of parts) if (run.state === 'running') run.write(JSON.stringify(part))
    run.end()
  }

  return new Hono()
    .post('/api/chat', async (c) => {
      const { id, message } = await c.req.json<{ id: string; message: UIMessage }>()
      const messages = [...(await chats.read(id)).messages, message]
      const streamId = generateId()
      const run = await sser.startRun(streamId)
      await chats.save(id, { messages, activeStreamId: streamId })
      answer(run, id, messages).catch((error) => {
        console.error(error)
        run.fail()
      })
      return respond(streamId, c)
    })
    .get('/api/chat/:id/stream', async (c) => {
      const { activeStreamId } = await chats.read(c.req.param('id'))
      return activeStreamId === null ? c.body(null, 204) : respond(activeStreamId, c)
    })
    .post('/api/chat/:id/stop', async (c) => {
      const { activeStreamId } = await chats.read(c.req.param('id'))
      return c.json(
        activeStreamId === null ? { outcome: 'not-running' } : await sser.cancelRun(activeStreamId),
      )
    })
}
