import { chromium } from 'playwright-core'
import { Browser, type Installed } from './browser.ts'
import { within } from './until.ts'
import { type InstalledWebKit, openWebKit } from './webkit.ts'

/** For a browser that starts, and for a page that loads, on two cores with other tests. */
const START_MS = 60_000

/** Against Chromium's start window, whose own page takes seconds of a processor, and its low priority for pages. */
const SWITCHES = { chromium: ['--no-startup-window', '--disable-renderer-backgrounding'], firefox: [] }

/** A page in a browser of its own. */
export interface Page {
  /** Evaluates an expression in the page; resolves with its settled value. */
  read<T>(expression: string): Promise<T>
  close(): Promise<void>
}

/** Opens a page. Playwright drives a Firefox and a WebKit of its own only; Debian's are told by WebDriver. */
export async function openPage(installed: Installed | InstalledWebKit, url: string): Promise<Page> {
  if (installed.name === 'webkit') return openWebKit(url)
  const browser = await Browser.start(installed, '--remote-debugging-port=0', ...SWITCHES[installed.name])
  try {
    const remote = await browser.remote(START_MS)
    const opening = browser.name === 'chromium' ? openByCdp(remote, url) : openByBidi(remote, url)
    const read = await within(`${browser.name} opens the page`, opening)
    return { read, close: () => browser.close() }
  } catch (error) {
    await browser.close()
    throw error
  }
}

async function openByCdp(remote: string, url: string): Promise<Page['read']> {
  const browser = await chromium.connectOverCDP(remote)
  const page = await browser.contexts()[0]?.newPage()
  await page?.goto(url)
  return (expression) => page?.evaluate(expression) as Promise<never>
}

async function openByBidi(remote: string, url: string): Promise<Page['read']> {
  const bidi = await Bidi.connect(`${remote}/session`)
  await bidi.call('session.new', { capabilities: {} })
  const { contexts } = await bidi.call<{ contexts: { context: string }[] }>('browsingContext.getTree', {})
  const context = contexts[0]?.context
  await bidi.call('browsingContext.navigate', { context, url, wait: 'complete' })
  return async (expression) => {
    const answer = await bidi.call<BidiAnswer>('script.evaluate', {
      expression: `Promise.resolve(${expression}).then(JSON.stringify)`,
      target: { context },
      awaitPromise: true,
    })
    if (answer.type === 'exception') throw new Error(answer.exceptionDetails.text)
    return answer.result.value === undefined ? undefined : JSON.parse(answer.result.value)
  }
}

type BidiAnswer =
  | { type: 'success'; result: { value?: string } }
  | { type: 'exception'; exceptionDetails: { text: string } }

/** Commands and their answers. @see https://w3c.github.io/webdriver-bidi/#protocol */
class Bidi {
  readonly #socket: WebSocket
  readonly #calls: PromiseWithResolvers<never>[] = []

  static async connect(url: string): Promise<Bidi> {
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error(`${url} does not answer`))
    })
    return new Bidi(socket)
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      const { id, error, message, result } = JSON.parse(data)
      if (error === undefined) this.#calls[id]?.resolve(result as never)
      else this.#calls[id]?.reject(new Error(`${error}: ${message}`))
    }
    socket.onclose = () => {
      for (const call of this.#calls) call.reject(new Error('The browser has ended'))
    }
  }

  call<T>(method: string, params: object): Promise<T> {
    const call = Promise.withResolvers<never>()
    this.#socket.send(JSON.stringify({ id: this.#calls.push(call) - 1, method, params }))
    return call.promise
  }
}
