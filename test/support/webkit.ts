import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Page } from './page.ts'
import { requires } from './requires.ts'
import { until, within } from './until.ts'

const HOST = '127.5.9.1'
const PORT = 4_567

/** WebKitGTK's browser for tests, which needs a display. */
export interface InstalledWebKit {
  name: 'webkit'
  /** Undefined where one of its programs is missing. */
  path: string | undefined
}

export const webkit: InstalledWebKit = {
  name: 'webkit',
  path: requires('Xvfb') && requires('WebKitWebDriver'),
}

/** Opens a page in a WebKit on a display of its own. */
export async function openWebKit(url: string): Promise<Page> {
  const home = await mkdtemp(join(tmpdir(), 'sser-webkit-'))
  const processes: ChildProcess[] = []
  const start = (command: string, args: string[], env: Record<string, string> = {}) => {
    // In a process group of its own: a browser is many processes.
    const child = spawn(command, args, {
      detached: true,
      env: { PATH: process.env.PATH, HOME: home, ...env },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    })
    processes.unshift(child)
    return child
  }
  const end = () => {
    for (const { pid } of processes) kill(pid)
  }
  const close = async () => {
    const ended = processes.map((child) => new Promise((resolve) => child.once('close', resolve)))
    end()
    await within('WebKit ends', Promise.all(ended))
    process.off('exit', end)
    await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  process.once('exit', end)
  try {
    const display = start('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', '800x600x24'])
    const number = await within('Xvfb starts', firstLine(display.stdio[3] as Readable))
    start('WebKitWebDriver', [`--host=${HOST}`, `--port=${PORT}`], { DISPLAY: `:${number}` })
    const read = await within('WebKit opens the page', openByWebDriver(url))
    return { read, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** @see https://www.w3.org/TR/webdriver2/ */
async function openByWebDriver(url: string): Promise<Page['read']> {
  const isReady = () => call<{ ready: boolean }>('GET', '/status').then(({ ready }) => ready)
  await until('WebKitWebDriver answers', () => isReady().catch(() => false))
  const { sessionId } = await call<{ sessionId: string }>('POST', '/session', { capabilities: {} })
  const session = `/session/${sessionId}`
  await call('POST', `${session}/url`, { url })
  return async (expression) => {
    const script = `const done = arguments[0]
      Promise.resolve().then(() => window.eval(${JSON.stringify(expression)}))
        .then((value) => done([JSON.stringify(value)]), (error) => done(String(error)))`
    const result = await call<[string?] | string>('POST', `${session}/execute/async`, { script, args: [] })
    if (typeof result === 'string') throw new Error(result)
    return result[0] == null ? undefined : JSON.parse(result[0])
  }
}

async function call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await fetch(`http://${HOST}:${PORT}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const { value } = (await response.json()) as { value: T & { error?: string; message?: string } }
  if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`)
  return value
}

async function firstLine(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text.trim()
}

function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
