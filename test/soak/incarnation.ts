import { cpu } from '../../bench/harness/process-cost.ts'
import type { PodProcess } from '../support/pod-process.ts'
import { type Due, messageOf } from './ledger.ts'
import { Line } from './line.ts'
import type { Sent } from './pod.ts'

/** One incarnation of one Pod, and the events that were sent through it. */
export class Incarnation {
  readonly number: number
  readonly pod: PodProcess
  readonly line: Line
  /** When it was killed, on this process's clock. */
  killedAt: number | undefined
  /** Sends that have no receipt yet. */
  open = 0
  /** Sends that failed while the Pod lived. */
  readonly refusals: string[] = []
  /** By stream: how many were sent, the last that has a receipt, and the last whose receipt says that another Pod has it. */
  readonly #sent: number[]
  readonly #answered: number[]
  readonly #shared: number[]

  /** `streams`: how many clients listen on; there is one more. */
  constructor(number: number, pod: PodProcess, streams: number) {
    this.number = number
    this.pod = pod
    this.line = new Line(pod.process)
    const zeros = () => new Array<number>(streams + 1).fill(0)
    this.#sent = zeros()
    this.#answered = zeros()
    this.#shared = zeros()
  }

  /** Undefined where the Pod is killed before it answers. */
  async send(stream: number): Promise<Sent | undefined> {
    const number = (this.#sent[stream] as number) + 1
    this.#sent[stream] = number
    this.open += 1
    try {
      const msg = messageOf(this.number, stream, number)
      const sent = await this.line.ask<Sent>({ do: 'send', stream, msg })
      // A Pod's peers apply its events in order: a peer that has this one has all before it.
      this.#answered[stream] = Math.max(this.#answered[stream] as number, number)
      if (sent.delivered > 0) this.#shared[stream] = Math.max(this.#shared[stream] as number, number)
      return sent
    } catch (error) {
      if (this.killedAt === undefined) this.refusals.push((error as Error).message)
      return undefined
    } finally {
      this.open -= 1
    }
  }

  /** Starts a run; false where the Pod is killed before it answers. */
  async startRun(run: { name: string; chunks: number; everyMs: number }): Promise<boolean> {
    try {
      await this.line.ask({ do: 'run', ...run })
      return true
    } catch (error) {
      if (this.killedAt === undefined) this.refusals.push((error as Error).message)
      return false
    }
  }

  /**
   * Events that every client must receive: all with a receipt while the Pod lives; once it was killed, those that
   * another Pod is known to have. Events that the killed Pod alone had are not promised.
   */
  due(isOver = false): Due {
    const promised = this.killedAt === undefined ? this.#answered : this.#shared
    return { incarnation: this.number, promised: [...promised], isOver }
  }

  /** Events that went to the Pod, and are not promised. */
  get unpromised(): number {
    const { promised } = this.due()
    return this.#sent.reduce((sum, sent, stream) => sum + sent - (promised[stream] as number), 0)
  }

  /** Nanoseconds of CPU time so far. */
  get cpuNs(): number {
    return cpu([this.pod.process.pid as number]).nanoseconds
  }
}
