import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LanguageModelV4StreamPart } from '@ai-sdk/provider'
import type { UIMessage } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { build } from 'esbuild'
import { Hono } from 'hono'
import type { Sser } from 'sser'
import type { Chats } from './ai-sdk.ts'
import * as withRuns from './ai-sdk.ts'
import * as withResumableStream from './ai-sdk-resumable.ts'
import { launch, skip } from './browser.ts'
import { balancedFleet, until } from './fleet.ts'

const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 1, text: 1, reasoning: undefined },
}

/** A model whose words the test says. */
class Speaker {
  #controller: ReadableStreamDefaultController<LanguageModelV4StreamPart> | undefined
  isStopped = false
  readonly model = new MockLanguageModelV4({
    doStream: async ({ abortSignal }) => {
      const stream = new ReadableStream<LanguageModelV4StreamPart>({
        start: (controller) => {
          this.#controller = controller
          controller.enqueue({ type: 'stream-start', warnings: [] })
          controller.enqueue({ type: 'text-start', id: 'text' })
          abortSignal?.addEventListener('abort', () => {
            this.isStopped = true
            controller.error(abortSignal.reason)
          })
        },
      })
      return { stream }
    },
  })

  say(delta: string): void {
    this.#controller?.enqueue({ type: 'text-delta', id: 'text', delta })
  }

  end(): void {
    this.#controller?.enqueue({ type: 'text-end', id: 'text' })
    this.#controller?.enqueue({
      type: 'finish',
      usage: USAGE,
      finishReason: { unified: 'stop', raw: 'stop' },
    })
    this.#controller?.close()
  }
}

class ChatsInMemory implements Chats {
  readonly #chats = new Map<string, { messages: UIMessage[]; activeStreamId: string | null }>()

  async read(id: string) {
    return this.#chats.get(id) ?? { messages: [], activeStreamId: null }
  }

  async save(id: string, changes: object) {
    this.#chats.set(id, { ...(await this.read(id)), ...changes })
  }
}

const page = await build({
  entryPoints: [new URL('./ai-sdk-page.tsx', import.meta.url).pathname],
  bundle: true,
  write: false,
  format: 'esm',
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
})
const script = page.outputFiles[0]?.text as string

for (const [name, { createApp }] of Object.entries({ withRuns, withResumableStream })) {
  const chats = new ChatsInMemory()
  const speaker = new Speaker()
  const app = (sser: Sser) =>
    new Hono()
      .get('/', (c) => c.html('<div id="root"></div><script type="module" src="/page.js"></script>'))
      .get('/page.js', (c) => c.body(script, { headers: { 'content-type': 'text/javascript' } }))
      .get('/api/chat/:id/messages', async (c) => c.json((await chats.read(c.req.param('id'))).messages))
      .route('/', createApp(sser, { model: speaker.model, chats }))

  test(`useChat goes on after a reload on another Pod, and stops from another tab: ${name}`, {
    skip,
    timeout: 40_000,
  }, async () => {
    await using fleet = await balancedFleet(app)
    await using browser = await launch()
    const { page } = browser
    const shows = (target: typeof page, selector: string, text: string) =>
      target.locator(selector, { hasText: new RegExp(`^${text}$`) }).waitFor({ timeout: 10_000 })
    await page.goto(`${fleet.url}/?chat=1`)
    await page.locator('#ask').click()
    await until(() => speaker.model.doStreamCalls.length === 1)
    speaker.say('One')
    await shows(page, '.assistant', 'One')

    fleet.prefer(1)
    await page.reload()
    await shows(page, '.assistant', 'One')
    speaker.say(' two')
    await shows(page, '.assistant', 'One two')
    speaker.end()
    await shows(page, '#status', 'ready')
    assert.equal((await chats.read('1')).activeStreamId, null)

    // The end is in the database, and the run is not read again.
    await page.reload()
    await shows(page, '.assistant', 'One two')

    await page.locator('#ask').click()
    await until(() => speaker.model.doStreamCalls.length === 2)
    speaker.say('Three')
    await shows(page, '.assistant:last-child', 'Three')
    fleet.prefer(2)
    const other = await browser.page.context().newPage()
    await other.goto(`${fleet.url}/?chat=1`)
    await shows(other, '.assistant:last-child', 'Three')
    await other.locator('#stop').click()
    for (const tab of [page, other]) await shows(tab, '#status', 'ready')
    assert.equal(speaker.isStopped, true)
  })
}
