import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { PodView } from '../../src/demo/fleet.ts'
import { until, within } from './until.ts'

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

const running = new Set<Demo>()

/** One run of `sser demo`. */
export class Demo {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  stdout = ''
  stderr = ''

  constructor(...flags: string[]) {
    this.child = spawn(process.execPath, [CLI, 'demo', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.exited = new Promise((resolve) => this.child.once('close', resolve))
    running.add(this)
    void this.exited.then(() => running.delete(this))
  }

  async url(): Promise<string> {
    await until('the demo says where its page is', () => this.stdout.includes('http://'))
    return /http:\S+/.exec(this.stdout)?.[0] ?? ''
  }

  async pods(): Promise<PodView[]> {
    const response = await fetch(`${await this.url()}/pods`)
    return (await response.json()) as PodView[]
  }

  /** Kills or restarts a Pod, as its button on the page does. */
  async control(pod: number, action: 'kill' | 'restart'): Promise<void> {
    const { ok } = await fetch(`${await this.url()}/pods/${pod}/${action}`, { method: 'POST' })
    if (!ok) throw new Error(`Pod ${pod}: ${action} failed`)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal)
    return within(`the demo ends after ${signal}`, this.exited)
  }
}

/** Ends every demo that still runs; for `afterAll`. */
export async function endDemos(): Promise<void> {
  await Promise.all([...running].map((demo) => demo.stop()))
}

/** Finds three free ports, as flags. */
export async function freePorts(): Promise<{ port: number; internalPort: number; flags: string[] }> {
  const servers = [createServer(), createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  const [port = 0, internalPort = 0, pagePort = 0] = ports
  const flags = ['--port', port, '--internal-port', internalPort, '--page-port', pagePort].map(String)
  return { port, internalPort, flags }
}
