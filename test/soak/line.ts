// Orders to a process over IPC, and its answers.
import type { ChildProcess } from 'node:child_process'

interface Answer {
  number: number
  answer?: unknown
  error?: string
}

/** The end that orders. */
export class Line {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: never): void; reject(error: Error): void }>()
  #asked = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', ({ number, answer, error }: Answer) => {
      const waiting = this.#waiting.get(number)
      this.#waiting.delete(number)
      if (error === undefined) waiting?.resolve(answer as never)
      else waiting?.reject(new Error(error))
    })
    child.once('disconnect', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The process is gone'))
      this.#waiting.clear()
    })
  }

  /** Resolves with the answer; rejects if the process fails to, or ends before. */
  ask<T>(order: object): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) {
        reject(new Error('The process is gone'))
        return
      }
      this.#asked += 1
      this.#waiting.set(this.#asked, { resolve, reject })
      // A process that ends meanwhile disconnects next.
      this.#child.send({ number: this.#asked, order }, () => {})
    })
  }
}

/** The receiving end: each order begins in the turn in which it arrives. The process ends when the channel closes. */
export function obey<Order>(carryOut: (order: Order) => unknown): void {
  const say = (answer: Answer) => process.send?.(answer, undefined, undefined, () => {})
  process.once('disconnect', () => process.exit())
  process.on('message', async ({ number, order }: { number: number; order: Order }) => {
    try {
      say({ number, answer: await carryOut(order) })
    } catch (error) {
      say({ number, error: `${(error as Error).stack}` })
    }
  })
}
