import { type ChildProcess, fork } from 'node:child_process'
import { within } from '../../test/support/until.ts'
import { cpuOf } from './cpu.ts'

const START_MS = 90_000
const ANSWER_MS = 120_000

/** One Pod in a separate process, which answers each command with a message. */
export class ForkedPod<Command extends { do: string }, Result extends { error?: string | undefined }> {
  readonly #child: ChildProcess

  protected constructor(script: URL, env: NodeJS.ProcessEnv, execArgv: readonly string[] = []) {
    this.#child = fork(script, { env: { ...process.env, ...env }, execArgv: [...execArgv] })
    running.add(this.#child)
    this.#child.once('exit', () => running.delete(this.#child))
  }

  /** Resolves with the first message of the Pod, which says that it has started. */
  protected started(name: string): Promise<Result> {
    return within(`${name} starts`, this.#answer(), START_MS)
  }

  /** Sends the Pod a command; resolves with its result. */
  do(command: Command): Promise<Result> {
    const answer = within(`a Pod's ${command.do}`, this.#answer(), ANSWER_MS)
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
    // Exits at once, because no peer is left.
    this.#child.disconnect()
    await within('a Pod ends', ended, START_MS)
  }

  #answer(): Promise<Result> {
    return new Promise((resolve, reject) => {
      const fail = (code: unknown) => reject(new Error(`A Pod ended with ${code}`))
      this.#child.once('exit', fail)
      this.#child.once('message', (result: Result) => {
        this.#child.off('exit', fail)
        if (result.error === undefined) resolve(result)
        else reject(new Error(result.error))
      })
    })
  }
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
