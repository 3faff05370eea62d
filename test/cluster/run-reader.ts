import type { ClientError, RunStatus } from '../../src/client.ts'
import { connect } from '../../src/client.ts'

/** A client of `sser/client` that reads a run whose chunks are their numbers, to its end. */
export class RunReader {
  readonly name: string
  /** Number of chunks received, all of them in order. */
  chunks = 0
  /** A line for each chunk that was not the next one, and for each gap. */
  readonly faults: string[] = []
  /** Each state of the run, and its time on the clock of this process. */
  readonly states: { status: RunStatus; at: number }[] = []
  /** How the run ended, with the reason; undefined before. */
  end: string | undefined
  readonly #client: ReturnType<typeof connect>

  constructor(url: string, name: string) {
    this.name = name
    this.#client = connect(`${url}/events`, { share: false })
    void this.#read()
  }

  /** Time of the first state of this kind; undefined: there was none. */
  at(status: RunStatus): number | undefined {
    return this.states.find((state) => state.status === status)?.at
  }

  close(): void {
    this.#client.close()
  }

  async #read(): Promise<void> {
    const run = this.#client.run(this.name, {
      parse: Number,
      onGap: ({ reason }) => this.faults.push(`${this.name}: a gap after ${this.chunks} chunks: ${reason}`),
    })
    run.state.subscribe(({ status }) => this.states.push({ status, at: performance.now() }))
    let failure: ClientError | undefined
    try {
      for await (const number of run) {
        if (number !== this.chunks)
          this.faults.push(`${this.name}: received chunk ${number}, where ${this.chunks} was due`)
        this.chunks = number + 1
      }
    } catch (error) {
      failure = error as ClientError
    }
    const { status, reason } = run.state.get()
    this.end =
      status === 'stopped' ? `stopped ${failure?.message}` : [status, reason].filter(Boolean).join(' ')
  }
}
