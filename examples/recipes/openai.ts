// Answers of the OpenAI SDK as runs. If the Pod that writes one dies, another Pod takes over at OpenAI's own position.
import { Hono } from 'hono'
import type OpenAI from 'openai'
import type { Run, Sser } from 'sser'

/** Chunks of the run, as JSON: first the id of OpenAI's response, then texts with their number in OpenAI's stream. */
type Chunk = { response: string } | { text: string; sequence: number }

export function createApp(sser: Sser, client: OpenAI) {
  const nameOf = (id: string) => `answer:${id}`

  /** Writes OpenAI's events to the run. `run.signal` aborts the request when any Pod cancels the run. */
  const write = async (run: Run, events: AsyncIterable<OpenAI.Responses.ResponseStreamEvent>) => {
    const put = (chunk: Chunk) => run.write(JSON.stringify(chunk))
    try {
      for await (const event of events) {
        if (event.type === 'response.created') put({ response: event.response.id })
        else if (event.type === 'response.output_text.delta')
          put({ text: event.delta, sequence: event.sequence_number })
        else if (event.type === 'response.failed') throw new Error(event.response.error?.message)
      }
      run.end()
    } catch (error) {
      if (!run.signal.aborted) console.error(error)
      run.fail('the model failed')
    }
  }

  /** Goes on with the answer of a Pod that has died: `background` keeps it at OpenAI, under its id. */
  const takeOver = async (name: string) => {
    const chunks: Chunk[] = []
    for await (const item of sser.readRun(name))
      if (item.type === 'chunk') chunks.push(JSON.parse(item.text) as Chunk)
    const [first, ...texts] = chunks
    if (first === undefined || !('response' in first)) return
    const sequences = texts.map((chunk) => ('sequence' in chunk ? chunk.sequence : 0))
    // Two Pods may do this at once: one of the runs is then superseded, and its readers go on with the other.
    const run = await sser.startRun(name, { replace: true })
    for (const chunk of chunks) run.write(JSON.stringify(chunk))
    const events = await client.responses.retrieve(
      first.response,
      { stream: true, starting_after: Math.max(0, ...sequences) },
      { signal: run.signal },
    )
    void write(run, events)
  }

  return (
    new Hono()
      .post('/answers/:id', async (c) => {
        const run = await sser.startRun(nameOf(c.req.param('id')))
        const request = {
          model: 'gpt-5.5',
          input: await c.req.text(),
          stream: true,
          background: true,
        } as const
        void client.responses.create(request, { signal: run.signal }).then(
          (events) => write(run, events),
          () => run.fail('the model failed'),
        )
        return c.body(null, 202)
      })
      .get('/answers/:id', (c) => sser.runResponse(nameOf(c.req.param('id')), c.req.raw, { env: c.env }))
      .delete('/answers/:id', async (c) => c.json(await sser.cancelRun(nameOf(c.req.param('id')))))
      // A page that was told the end `lost` calls this, and reads the run anew.
      .post('/answers/:id/take-over', async (c) => {
        const name = nameOf(c.req.param('id'))
        if ((await sser.run(name))?.state === 'lost') await takeOver(name)
        return c.body(null, 202)
      })
  )
}
