// Answers of the Anthropic SDK as runs.
import type Anthropic from '@anthropic-ai/sdk'
import { Hono } from 'hono'
import type { Sser } from 'sser'

export function createApp(sser: Sser, client: Anthropic) {
  async function* textOf(question: string, signal: AbortSignal) {
    const request: Anthropic.MessageCreateParamsStreaming = {
      model: 'claude-sonnet-4-5',
      max_tokens: 1_024,
      messages: [{ role: 'user', content: question }],
      stream: true,
    }
    const events = await client.messages.create(request, { signal })
    for await (const event of events)
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
  }

  return new Hono()
    .post('/answers/:id', async (c) => {
      const stopped = new AbortController()
      // Writes all texts, and ends or fails the run by itself, also when this request is gone.
      const run = await sser.startRun(`answer:${c.req.param('id')}`, {
        from: textOf(await c.req.text(), stopped.signal),
        maxIdleMs: 60_000,
      })
      run.signal.addEventListener('abort', () => stopped.abort())
      return c.body(null, 202)
    })
    .get('/answers/:id', (c) => sser.runResponse(`answer:${c.req.param('id')}`, c.req.raw, { env: c.env }))
    .delete('/answers/:id', async (c) => c.json(await sser.cancelRun(`answer:${c.req.param('id')}`)))
}
