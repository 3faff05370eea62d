import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeBlocks } from '../tools/markdown.ts'
import { browsers } from './support/browser.ts'
import { openPage } from './support/page.ts'
import { installed, linkPackages, ReaderApp, writeFiles } from './support/reader-app.ts'
import { until, WAIT_MS } from './support/until.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const BROWSER_MS = 45_000
/** Of processes that share two cores with other tests. */
const START_MS = 60_000
const run = promisify(execFile)
const [chromium] = browsers

/** Names of files whose first line is a comment with a name: `// server.ts`. */
async function pagesWithFiles(): Promise<string[]> {
  const names = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'))
  const pages = ['README.md', ...names.map((name) => `docs/${name}`)]
  const texts = await Promise.all(pages.map((page) => readFile(join(ROOT, page), 'utf8')))
  return pages.filter((_, i) => codeBlocks(texts[i] as string).some(({ file }) => file?.endsWith('.ts')))
}

test('every TypeScript file of the pages compiles', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sser-docs-'))
  try {
    const packages = new Set(['@types/node', 'valibot'])
    const files: string[] = []
    for (const page of await pagesWithFiles()) {
      const blocks = codeBlocks(await readFile(join(ROOT, page), 'utf8'))
      const own = page.replaceAll(/\W/g, '-')
      await mkdir(join(folder, own))
      await writeFiles(join(folder, own), blocks)
      for (const name of installed(blocks)) packages.add(name)
      for (const { file } of blocks) if (file?.endsWith('.ts')) files.push(`${own}/${file}`)
    }
    expect(files).toContain('README-md/server.ts')
    await linkPackages(folder, [...packages])
    const options = '--noEmit --strict --skipLibCheck --target es2024 --module nodenext --types node'
    const sources = '--lib es2024,esnext.disposable,dom,dom.iterable --allowImportingTsExtensions'
    const args = [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...`${options} ${sources}`.split(' '),
      ...files,
    ]
    const output = await run(process.execPath, args, { cwd: folder }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    // The sources of the package are compiled with options of their own.
    expect(output.split('\n').filter((line) => /^[\w-]+\//.test(line))).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** The app of a page that starts two Pods, once both listen. */
async function withTwoPods(page: string): Promise<ReaderApp> {
  const app = await ReaderApp.of(page)
  app.start(app.sh('node server.ts &'))
  await Promise.all([app.listening(8000), app.listening(8001)])
  return app
}

describe('the README', () => {
  let app: ReaderApp
  beforeAll(async () => {
    app = await withTwoPods('README.md')
  }, START_MS)
  afterAll(() => app[Symbol.asyncDispose]())

  test('shows a server that delivers what curl sends', async () => {
    app.start(app.sh('curl -N'))
    await app.saw('"resumed":false')
    app.start(app.sh('two coffees'))
    await app.saw('data: two coffees')
  })

  test('shows two Pods that deliver to the clients of each other', async () => {
    app.start(app.sh('one tea'))
    await app.saw('data: one tea')
  })

  test.skipIf(!chromium?.path)(
    'shows a page that lists events with and without a name (needs chromium)',
    async () => {
      await app.compileClient()
      const page = await openPage(chromium as never, app.url())
      try {
        const send = (query: string) =>
          fetch(`${app.url(8001)}/orders${query}`, { method: 'POST', body: 'tea' })
        const items = () =>
          page.read<string[]>(`[...document.querySelectorAll('li')].map((li) => li.textContent)`)
        const lists = async (text: string) => (await items()).includes(text)
        // The first events may be earlier than the page's connection.
        const sendUntilListed = async () => {
          await send('')
          return lists('tea')
        }
        await until('the page lists an event', sendUntilListed, WAIT_MS, 50)
        await send('?event=cancelled')
        await until('the page lists the event with a name', () => lists('cancelled: tea'), WAIT_MS, 50)
      } finally {
        await page.close()
      }
    },
    BROWSER_MS,
  )
})

describe('docs/notifications.md', () => {
  let app: ReaderApp
  beforeAll(async () => {
    app = await withTwoPods('docs/notifications.md')
  }, START_MS)
  afterAll(() => app[Symbol.asyncDispose]())

  test('delivers a notification to the client of its user, until the user logs out at another Pod', async () => {
    app.start(app.sh('curl -N'))
    await app.saw('"resumed":false')
    app.start(app.sh('Your parcel'))
    await app.saw('data: Your parcel is on its way')
    app.start('curl -s -b cookies -X POST http://127.0.0.1:8000/logout')
    await app.saw('event: sser-retry')
    app.start(
      `curl -s -o /dev/null -w 'answered %{http_code}' -b cookies 'http://127.0.0.1:8001/events?stream=me'`,
    )
    await app.saw('answered 403')
  })
})

test(
  'docs/snapshot.md delivers to a late client what was sent after its snapshot',
  async () => {
    await using app = await withTwoPods('docs/snapshot.md')
    app.start(app.sh('position=$('))
    await app.saw('data: {"id":1,"text":"two coffees","status":"new","version":1}')
    expect(app.output).toContain('"resumed":true')
  },
  START_MS,
)

test.skipIf(!chromium?.path)(
  'docs/snapshot.md shows a page that lists orders, and their changes at another Pod (needs chromium)',
  async () => {
    await using app = await withTwoPods('docs/snapshot.md')
    await fetch(`${app.url()}/orders`, { method: 'POST', body: 'tea' })
    const page = await openPage(chromium as never, app.url())
    try {
      const lists = async (text: string) =>
        (await page.read(`document.querySelector('#orders').textContent`)) === text
      await until('the page lists the snapshot', () => lists('tea: new'), WAIT_MS, 50)
      const paid = await fetch(`${app.url(8001)}/orders/1/status`, { method: 'PUT', body: 'paid' })
      expect(await paid.json()).toMatchObject({ status: 'paid', version: 2 })
      await until('the page lists the change', () => lists('tea: paid'), WAIT_MS, 50)
    } finally {
      await page.close()
    }
  },
  BROWSER_MS,
)

test(
  'docs/end-of-stream.md delivers a whole job, with its end, to a late client, and refuses a new one',
  async () => {
    await using app = await ReaderApp.of('docs/end-of-stream.md')
    app.start('node server.ts')
    await app.listening()
    const late = `curl -s -w 'answered %{http_code}' "http://127.0.0.1:8000/events?stream=$stream"`
    app.start(`${app.sh('job=$(').trimEnd()} &\n${late}`)
    await app.saw('event: end')
    await app.saw('answered 204')
    expect(app.output.match(/(?<=data: \{"percent":)\d+/g)).toEqual(['25', '50', '75', '100'])
  },
  START_MS,
)

test(
  'docs/typed-payloads.md validates what comes in, and sends it with its type',
  async () => {
    await using app = await ReaderApp.of('docs/typed-payloads.md')
    app.start('node server.ts')
    await app.listening()
    app.start(app.sh('curl -N'))
    await app.saw('"resumed":false')
    app.start(app.sh('two coffees'))
    await app.saw('event: created\ndata: {"id":1,"text":"two coffees"}')
    const refused = await fetch(`${app.url()}/orders`, { method: 'POST', body: '{"text":""}' })
    expect(refused.status).toBe(400)
  },
  START_MS,
)

test(
  'docs/rollouts.md moves a client from a stopping Pod to another, which has the event sent meanwhile',
  async () => {
    await using app = await withTwoPods('docs/rollouts.md')
    app.start(app.sh('Last-Event-ID'))
    await app.saw('data: sent meanwhile')
    expect(app.output).toContain('"resumed":true')
  },
  START_MS,
)

test(
  'docs/sizing.md measures connections and deliveries',
  async () => {
    await using app = await ReaderApp.of('docs/sizing.md')
    app.start('node load.ts', { CONNECTIONS: '20', EVENTS: '5' })
    await app.saw('µs for an event to one connection')
  },
  START_MS,
)
