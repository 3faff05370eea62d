import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requires } from './requires.ts'
import { until, within } from './until.ts'

/** Firefox's settings against first-run pages and everything that would use the network. */
const PREFS = {
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.aboutwelcome.enabled': false,
  'browser.newtabpage.enabled': false,
  'browser.region.update.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.search.update': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.healthreport.uploadEnabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.security.https_first': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.update.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.proxy.type': 0,
  'services.settings.server': 'data:,#none',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
}

const CHROMIUM_ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--no-proxy-server',
  '--disable-background-networking',
  '--disable-breakpad',
  '--disable-dev-shm-usage',
  '--disable-gpu',
]

/** A browser that this machine may lack; then its `path` is undefined. */
export interface Installed {
  name: 'chromium' | 'firefox'
  path: string | undefined
}

export const browsers: readonly Installed[] = [
  { name: 'chromium', path: requires('chromium') },
  { name: 'firefox', path: requires('firefox') },
]

/** One run of a browser without a window, with a fresh profile. */
export class Browser {
  readonly name: Installed['name']
  readonly #profile: string
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  readonly #onExit = () => void this.#kill()
  #stderr = ''

  /** `args`: the page to open, or more switches. */
  static async start({ name, path }: Installed, ...args: string[]): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), 'sser-browser-'))
    const prefs = Object.entries(PREFS).map(
      (pref) => `user_pref(${pref.map((x) => JSON.stringify(x)).join()})`,
    )
    await writeFile(join(profile, 'user.js'), `${prefs.join(';\n')};\n`)
    const own =
      name === 'chromium'
        ? [...CHROMIUM_ARGS, `--user-data-dir=${profile}`]
        : ['--headless', '--no-remote', '--profile', profile]
    return new Browser(name, path as string, [...own, ...args], profile)
  }

  private constructor(name: Installed['name'], path: string, args: string[], profile: string) {
    this.name = name
    this.#profile = profile
    // In a process group of its own: a browser is many processes.
    this.#child = spawn(path, args, {
      detached: true,
      env: { PATH: process.env.PATH, HOME: profile },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', () => resolve()).once('error', () => resolve())
    })
    process.once('exit', this.#onExit)
  }

  /** Where a browser that was started with `--remote-debugging-port=0` hears commands. */
  async remote(ms: number): Promise<string> {
    const find = () => / listening on (ws:\S+)/.exec(this.#stderr)?.[1]
    await until(`${this.name} hears commands`, () => find() !== undefined, ms)
    return find() as string
  }

  async close(): Promise<void> {
    try {
      this.#kill()
      await within(`${this.name} ends`, this.#ended)
      await until(`all processes of ${this.name} end`, () => !this.#kill())
      process.off('exit', this.#onExit)
    } finally {
      await rm(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    }
  }

  /** Whether there was still anything to kill. */
  #kill(): boolean {
    const { pid } = this.#child
    try {
      return pid !== undefined && process.kill(-pid, 'SIGKILL')
    } catch {
      return false
    }
  }
}
