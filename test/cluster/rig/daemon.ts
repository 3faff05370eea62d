import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { within } from '../../support/until.ts'
import type { Namespace } from './namespace.ts'
import { type Program, pathOf } from './programs.ts'

const END_MS = 10_000
const TAIL = 20

/** A program of the control plane that can be stopped and restarted. One file has the output of all its processes. */
export class Daemon {
  readonly #namespace: Namespace
  readonly #program: Program
  readonly #args: () => readonly string[]
  readonly #log: string
  #process: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()

  /** Each start calls `args`. */
  constructor(namespace: Namespace, program: Program, folder: string, args: () => readonly string[]) {
    this.#namespace = namespace
    this.#program = program
    this.#args = args
    this.#log = join(folder, `${program}.log`)
  }

  start(): void {
    const output = openSync(this.#log, 'a')
    const child = this.#namespace.spawn([pathOf(this.#program), ...this.#args()], { output })
    closeSync(output)
    this.#process = child
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => {
        this.#process = undefined
        resolve()
      })
    })
  }

  /** Sends the signal; resolves when the process has exited. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal)
    await within(`${this.#program} ends`, this.#ended, END_MS)
  }

  /** Throws if the process has exited, with the last lines of its output. */
  mustRun(): void {
    if (this.#process !== undefined) return
    const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n')
    throw new Error(`${this.#program} has ended: ${lines.slice(-TAIL).join('\n')}`)
  }
}
