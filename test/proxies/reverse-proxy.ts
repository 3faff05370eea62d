import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until, within } from '../support/until.ts'
import type { Product } from './products.ts'

const EXAMPLES = new URL('../../examples/proxies/', import.meta.url)
const PORT = 8080
const END_MS = 30_000
/**
 * Runs a program in a process group that ends with the program, or with the standard input: with the test, however that
 * ends. Apache and Varnish have processes that would outlive the first one.
 */
const UNTIL_EOF = '("$@" </dev/null; kill -9 0) & cat >/dev/null; kill -9 0'

/** A real proxy in a process of its own, in front of the Pods that its configuration names. */
export class ReverseProxy {
  readonly product: Product
  readonly host: string
  readonly #dir = mkdtempSync(join(tmpdir(), 'sser-proxy-'))
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  #output = ''

  private constructor(product: Product, program: string, host: string, config: string) {
    this.product = product
    this.host = host
    const path = join(this.#dir, product.file)
    writeFileSync(path, product.wrap?.(config, this.#dir) ?? config)
    const args = product.args({ path, dir: this.#dir, address: `${host}:${PORT}` })
    this.#process = spawn('sh', ['-c', UNTIL_EOF, 'sh', program, ...args], {
      cwd: this.#dir,
      env: { PATH: process.env.PATH, HOME: this.#dir },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    running.set(this.#process, this.#dir)
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk).slice(-4_000)
      })
    }
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#output += error.message
        resolve(error)
      })
      this.#process.once('close', resolve)
    })
  }

  /** Resolves when a Pod answers through the proxy, on `host`. */
  static async start(product: Product, program: string, host: string, config: string): Promise<ReverseProxy> {
    const proxy = new ReverseProxy(product, program, host, config)
    let hasEnded = false
    void proxy.#ended.then(() => {
      hasEnded = true
    })
    await until(`a Pod answers through ${product.name} on ${host}`, () => {
      if (hasEnded) throw new Error(`${product.name} ended: ${proxy.#output}`)
      return proxy.#reachesPod()
    })
    return proxy
  }

  get url(): string {
    return `http://${this.host}:${PORT}`
  }

  /** A proxy may listen before it has read its routes. */
  async #reachesPod(): Promise<boolean> {
    try {
      const response = await fetch(`${this.url}/state`)
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }

  async stop(): Promise<void> {
    signal(this.#process, 'SIGTERM')
    const timer = setTimeout(() => end(this.#process, this.#dir), END_MS / 2)
    await within(`${this.product.name} ends`, this.#ended, END_MS)
    clearTimeout(timer)
    end(this.#process, this.#dir)
    running.delete(this.#process)
  }
}

/** The example of `product` as its users copy it, with the addresses of the test in place of the example's. */
export function configOf(product: Product, host: string, podPrefix: string): string {
  const text = readFileSync(new URL(product.file, EXAMPLES), 'utf8')
  const [from, to] = product.listen(host)
  if (!text.includes(from)) throw new Error(`${product.file} does not have "${from}"`)
  return text.replace(from, to).replaceAll('192.0.2.', podPrefix)
}

const running = new Map<ChildProcess, string>()
process.once('exit', () => {
  for (const [child, dir] of running) end(child, dir)
})

/** Kills every process of a proxy, and removes its folder. */
function end(child: ChildProcess, dir: string): void {
  signal(child, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // No process of its group is left.
  }
}
