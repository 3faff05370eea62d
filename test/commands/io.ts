import type { CommandIo } from '../../src/commands/output.ts'
import { until } from '../support/until.ts'

/** The streams of a command that runs in this process. */
export class TestIo implements CommandIo {
  readonly stdin: CommandIo['stdin']
  readonly env: Record<string, string> = {}
  readonly #ending = new AbortController()
  readonly signal = this.#ending.signal
  out = ''
  err = ''
  readonly stdout = {
    isTTY: false,
    write: (text: string) => {
      this.out += text
    },
  }
  readonly stderr = {
    write: (text: string) => {
      this.err += text
    },
  }

  constructor(...input: string[]) {
    this.stdin = (async function* () {
      yield* input
    })()
  }

  /** Ends the command as Ctrl-C does. */
  interrupt(): void {
    this.#ending.abort('SIGINT')
  }

  get lines(): string[] {
    return this.out.split('\n').slice(0, -1)
  }

  async prints(text: string): Promise<void> {
    await until(`the command prints ${text}`, () => (this.out + this.err).includes(text))
  }
}
