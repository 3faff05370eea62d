import { type CDPSession, chromium, type Page as PlaywrightPage } from 'playwright-core'
import { Browser, browsers, type Installed } from '../../support/browser.ts'
import { until, within } from '../../support/until.ts'

const START_MS = 60_000
const SWITCHES = ['--no-startup-window', '--remote-debugging-port=0', '--disable-renderer-backgrounding']

export const installed = browsers.find(({ name }) => name === 'chromium') as Installed

/** A Chromium whose tabs are those of one user. */
export class Chromium {
  readonly #browser: Browser
  readonly #remote: string
  #cdp: CDPSession | undefined
  #context: ReturnType<Awaited<ReturnType<typeof chromium.connectOverCDP>>['contexts']>[number] | undefined

  private constructor(browser: Browser, remote: string) {
    this.#browser = browser
    this.#remote = remote
  }

  static async start(...switches: string[]): Promise<Chromium> {
    const browser = await Browser.start(installed, ...SWITCHES, ...switches)
    try {
      const started = new Chromium(browser, await browser.remote(START_MS))
      const connection = await within('Chromium answers', chromium.connectOverCDP(started.#remote))
      started.#context = connection.contexts()[0]
      started.#cdp = await connection.newBrowserCDPSession()
      return started
    } catch (error) {
      await browser.close()
      throw error
    }
  }

  /** Opens the page of a {@link Site}. */
  async open(url: string): Promise<Tab> {
    const tab = await this.#newTab()
    await tab.load(url)
    return tab
  }

  /** Opens any other page. */
  async page(url: string): Promise<Tab> {
    const tab = await this.#newTab()
    await tab.page.goto(url)
    return tab
  }

  async #newTab(): Promise<Tab> {
    const page = (await this.#context?.newPage()) as PlaywrightPage
    return new Tab(page, (await this.#context?.newCDPSession(page)) as CDPSession)
  }

  /** CPU time of all pages and workers so far, in milliseconds. */
  async rendererCpuMs(): Promise<number> {
    const { processInfo } = await (this.#cdp as CDPSession).send('SystemInfo.getProcessInfo')
    const seconds = processInfo.map(({ type, cpuTime }) => (type === 'renderer' ? cpuTime : 0))
    return 1_000 * seconds.reduce((sum, each) => sum + each, 0)
  }

  async setOffline(isOffline: boolean): Promise<void> {
    await this.#context?.setOffline(isOffline)
  }

  close(): Promise<void> {
    return this.#browser.close()
  }
}

/** One tab with the page of a {@link Site}. */
export class Tab {
  readonly page: PlaywrightPage
  readonly cdp: CDPSession

  constructor(page: PlaywrightPage, cdp: CDPSession) {
    this.page = page
    this.cdp = cdp
  }

  async load(url: string): Promise<void> {
    await this.page.goto(url)
    await until('the page has the client', () => this.read('window.isReady === true'))
  }

  read<T>(expression: string): Promise<T> {
    return this.page.evaluate(expression) as Promise<T>
  }

  /** Listens on streams; resolves when their events arrive. */
  async listen(options: object, ...streams: string[]): Promise<void> {
    await this.read(`open(${JSON.stringify(options)}, ${JSON.stringify(streams)})`)
    await this.isLive()
  }

  async isLive(ms = START_MS): Promise<void> {
    await until('the client is live', () => this.read('client.state.get() === "live"'), ms)
  }

  seen(stream: string): Promise<unknown[]> {
    return this.read(`seen[${JSON.stringify(stream)}]`)
  }

  async has(stream: string, count: number, ms = START_MS): Promise<unknown[]> {
    await until(
      `${count} events of ${stream}`,
      () => this.read(`seen[${JSON.stringify(stream)}].length >= ${count}`),
      ms,
    )
    return this.seen(stream)
  }

  /** Stops all scripts of the tab without a word to them, as a browser that freezes it. */
  async pause(): Promise<void> {
    await this.cdp.send('Debugger.enable')
    const paused = new Promise<void>((resolve) => this.cdp.once('Debugger.paused', () => resolve()))
    await this.cdp.send('Debugger.pause')
    // It stops at the next statement.
    void this.page.evaluate('0').catch(() => {})
    await within('the tab stops', paused)
  }

  async unpause(): Promise<void> {
    await this.cdp.send('Debugger.resume')
    await this.cdp.send('Debugger.disable')
  }

  /**
   * As the browser does it to a tab in the background: with the event `freeze`, and then no script runs. The command of the
   * DevTools protocol does nothing to a visible tab.
   */
  async freeze(): Promise<void> {
    await this.read('document.dispatchEvent(new Event("freeze", { bubbles: true }))')
    await this.pause()
  }

  async unfreeze(): Promise<void> {
    await this.unpause()
    await this.read('document.dispatchEvent(new Event("resume", { bubbles: true }))')
  }

  async crash(): Promise<void> {
    const crashed = new Promise<void>((resolve) => this.page.once('crash', () => resolve()))
    void this.cdp.send('Page.crash').catch(() => {})
    await within('the tab crashes', crashed)
  }

  async close(): Promise<void> {
    await this.page.close({ runBeforeUnload: false })
  }
}
