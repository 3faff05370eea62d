import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { within } from '../support/until.ts'

interface Printed {
  type: string | null | undefined
  data: string | null
}

/** Libraries that hand on the beginning of an event that is cut; the whole event comes after it. */
const HALVES = ['r3labs/sse']

/** A client library in a process of its own, and the events that it delivered to the application. */
export class LibraryClient {
  readonly name: string
  /** The data of each event that has no name of the server's own. */
  readonly data: string[] = []
  /** The data of each `sser-gap`. */
  readonly gaps: string[] = []
  /** Events that are neither: nothing may be among them. */
  readonly faults: string[] = []
  stderr = ''
  /** Its process has ended, which no client should. */
  hasEnded = false
  readonly #process: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(name: string, [command, ...args]: readonly string[], cwd: string, url: string) {
    this.name = name
    this.#process = spawn(command as string, [...args, name, url], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#closed = new Promise<void>((resolve) => {
      const end = () => {
        this.hasEnded = true
        resolve()
      }
      this.#process.once('close', end).once('error', end)
    })
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.#take(line),
    )
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = `${this.stderr}${chunk}`.slice(-2_000)
    })
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL')
    await within(`${this.name} ends`, this.#closed)
  }

  /** The fault of the events that it received, compared with all that were sent while it listened. */
  wrong(sent: readonly string[]): Record<string, unknown> {
    const seen = new Map<string, number>()
    for (const data of this.data) seen.set(data, (seen.get(data) ?? 0) + 1)
    const first = sent.indexOf(this.data[0] ?? '')
    const numbers = (messages: readonly string[]) => messages.slice(0, 10).map((text) => text.slice(0, 12))
    const expected = first < 0 ? sent : sent.slice(first)
    const known = new Set(sent)
    return {
      lost: numbers(expected.filter((text) => !seen.has(text))),
      doubled: numbers([...seen].flatMap(([text, count]) => (count > 1 ? [text] : []))),
      phantom: this.data.filter((text) => !known.has(text)).map((text) => text.slice(0, 80)),
      gaps: this.gaps,
      faults: this.faults,
    }
  }

  #take(line: string): void {
    let printed: Printed
    try {
      printed = JSON.parse(line) as Printed
      // As applications do that hand the data of every block to a parser.
      JSON.parse(printed.data as string)
    } catch {
      if (!HALVES.includes(this.name) || !line.includes('xxx')) this.faults.push(line.slice(0, 200))
      return
    }
    const { type, data } = printed
    if (type === 'sser-gap') this.gaps.push(data as string)
    else if (!type?.startsWith('sser-')) this.data.push(data as string)
  }
}
