import type { Clock } from '../clock.ts'
import { MAX_ASKED, type RunSummary } from '../wire/run-messages.ts'
import type { RunId } from '../wire/runs.ts'
import type { RunRequests } from './run-requests.ts'

/** Time for which names wait for others, in milliseconds. */
const GATHER_MS = 1
/** Minimum time between two requests to a peer, in milliseconds, so that invented names cost little. */
const INTERVAL_MS = 250
/** Maximum number of names and ids that wait; further ones are not asked for. */
const MAX_WAITING = 8 * MAX_ASKED

/** Names and ids that are asked for in one request, and the callers that wait for its answers. */
interface Question {
  readonly names: Set<string>
  readonly ids: Set<RunId>
  readonly waiting: (() => void)[]
}

export interface RunQuestionsOptions {
  clock: Clock
  requests: RunRequests
  /** A peer has told what it knows. */
  learn(runs: readonly RunSummary[]): void
}

/** Asks the peers for runs by name and by id. Names of one moment share one request. */
export class RunQuestions {
  readonly #options: RunQuestionsOptions
  readonly #questions: Question[] = []
  #askedAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined

  constructor(options: RunQuestionsOptions) {
    this.#options = options
  }

  /** Resolves when all peers that can be reached have answered, or their time is over. */
  ask({ names = [], ids = [] }: { names?: readonly string[]; ids?: readonly RunId[] }): Promise<void> {
    return new Promise((resolve) => {
      const question = this.#room(names.length, ids.length)
      if (question === undefined) {
        resolve()
        return
      }
      for (const name of names) question.names.add(name)
      for (const id of ids) question.ids.add(id)
      question.waiting.push(resolve)
      this.#schedule()
    })
  }

  stop(): void {
    this.#cancel?.()
    for (const { waiting } of this.#questions.splice(0)) for (const resolve of waiting) resolve()
  }

  /** The question that has room for these numbers of names and ids; undefined: too many wait. */
  #room(names: number, ids: number): Question | undefined {
    const last = this.#questions.at(-1)
    if (last !== undefined && last.names.size + names <= MAX_ASKED && last.ids.size + ids <= MAX_ASKED)
      return last
    if (this.#questions.length >= MAX_WAITING / MAX_ASKED) return undefined
    const question: Question = { names: new Set(), ids: new Set(), waiting: [] }
    this.#questions.push(question)
    return question
  }

  #schedule(): void {
    if (this.#cancel !== undefined) return
    const { clock } = this.#options
    const waitMs = Math.max(GATHER_MS, this.#askedAt + INTERVAL_MS - clock.now())
    this.#cancel = clock.after(waitMs, () => {
      this.#cancel = undefined
      void this.#send()
      if (this.#questions.length > 0) this.#schedule()
    })
  }

  async #send(): Promise<void> {
    const question = this.#questions.shift()
    if (question === undefined) return
    const { clock, requests, learn } = this.#options
    this.#askedAt = clock.now()
    const { answers } = await requests.sendToAll({ names: [...question.names], ids: [...question.ids] })
    for (const { answer } of answers) learn(answer.runs)
    for (const resolve of question.waiting) resolve()
  }
}
