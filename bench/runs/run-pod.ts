import { type ChildProcess, fork } from 'node:child_process'
import { within } from '../../test/support/until.ts'
import { cpuOf } from '../pods.ts'
import type { Command, Result } from './command.ts'

const ANSWER_MS = 120_000
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A Pod of the figures of runs, in a process of its own. */
export class RunPod {
  url = ''
  readonly #child: ChildProcess

  private constructor(kind: 'redis' | 'sser', env: Readonly<Record<string, string>>) {
    this.#child = fork(new URL(`./pod-${kind}.ts`, import.meta.url), { env: { ...process.env, ...env } })
    running.add(this.#child)
    this.#child.once('exit', () => running.delete(this.#child))
  }

  static async start(kind: 'redis' | 'sser', env: Readonly<Record<string, string>>): Promise<RunPod> {
    const pod = new RunPod(kind, env)
    const { url = '' } = await pod.#answer()
    pod.url = url
    return pod
  }

  do(command: Command): Promise<Result> {
    const answer = this.#answer()
    this.#child.send(command)
    return answer
  }

  /** CPU time so far, in milliseconds. */
  cpu(): number {
    return cpuOf(this.#child.pid as number)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await ended
  }

  #answer(): Promise<Result> {
    const answer = new Promise<Result>((resolve, reject) => {
      const fail = (code: unknown) => reject(new Error(`A Pod ended with ${code}`))
      this.#child.once('exit', fail)
      this.#child.once('message', (result: Result) => {
        this.#child.off('exit', fail)
        if (result.error === undefined) resolve(result)
        else reject(new Error(result.error))
      })
    })
    return within('a Pod answers', answer, ANSWER_MS)
  }
}
