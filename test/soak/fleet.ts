import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PodProcess } from '../support/pod-process.ts'
import { until } from '../support/until.ts'
import { Incarnation } from './incarnation.ts'
import type { Due } from './ledger.ts'
import type { Sent, Vitals } from './pod.ts'
import { Timetable } from './timetable.ts'

const HOSTS = ['127.0.96.1', '127.0.96.2', '127.0.96.3']
const SCRIPT = fileURLToPath(new URL('./pod.ts', import.meta.url))
const TURN_MS = 20
/** Sends without a receipt, beyond which nothing more is sent. */
const OPEN_MAX = 1_000
/** An incarnation is judged for good so long after its end: every client has been back since. */
const OVER_MS = 60_000

/** Pods, each a process, the events that are sent through them, and those that must arrive. */
export class SoakFleet {
  /** Events that were sent, and those that each peer of the sender had by the receipt. */
  sent = 0
  everywhere = 0
  kills = 0
  /** Faults of Pods: an end by itself, a rejected send, output on stderr. */
  readonly errors: string[] = []
  readonly #streams: number
  /** By place; a place is empty while its Pod starts again. */
  readonly #places: (Incarnation | undefined)[] = []
  /** Killed, and not judged for good. */
  #killed: Incarnation[] = []
  #incarnations = 0
  #formerCpuNs = 0
  #formerUnpromised = 0
  #timetable: Timetable | undefined
  #turns: NodeJS.Timeout | undefined
  /** Events that were due at the last call of `due()`. */
  #noted: Due[] = []
  #tooMany = 0

  constructor(streams: number) {
    this.#streams = streams
  }

  /** Resolves when every Pod reaches all others. */
  static async start(streams: number): Promise<SoakFleet> {
    const fleet = new SoakFleet(streams)
    await Promise.all(HOSTS.map((_, place) => fleet.#begin(place)))
    // Through a stream without clients.
    for (const incarnation of fleet.#living) {
      const reachesAll = async () => (await incarnation.send(streams))?.delivered === HOSTS.length - 1
      await until(`${incarnation.pod} reaches its peers`, reachesAll)
    }
    return fleet
  }

  /** An incarnation that was not killed. */
  anyIncarnation(): Incarnation {
    const living = this.#living
    return living[Math.floor(Math.random() * living.length)] as Incarnation
  }

  get urls(): string[] {
    return this.#living.map(({ pod }) => pod.url)
  }

  /** Events that were sent through a Pod which was killed before another was known to have them. */
  get unpromised(): number {
    return this.#killed.reduce((sum, { unpromised }) => sum + unpromised, this.#formerUnpromised)
  }

  /** Events that were due and were not sent: this process stood still, or too many had no receipt. */
  get skipped(): number {
    return this.#tooMany + (this.#timetable?.skipped ?? 0)
  }

  /** CPU time of all Pods, also of those that were killed. */
  get cpuNs(): number {
    return this.#living.reduce((sum, { cpuNs }) => sum + cpuNs, this.#formerCpuNs)
  }

  /** The first Pod, which is never killed. */
  async vitals(): Promise<Vitals & { fds: number }> {
    const { line, pod } = this.#places[0] as Incarnation
    const vitals = await line.ask<Vitals>({ do: 'vitals' })
    return { ...vitals, fds: readdirSync(`/proc/${pod.process.pid}/fd`).length }
  }

  /** From now on events are sent, each to any stream through any Pod that is there. */
  send(perSecond: number): void {
    this.#timetable = new Timetable(perSecond, performance.now())
    this.#turns = setInterval(() => {
      for (let due = this.#timetable?.due(performance.now()) ?? 0; due > 0; due -= 1) this.#sendOne()
    }, TURN_MS)
  }

  /** No more events are sent. Resolves when those that were sent have their receipts. */
  async rest(): Promise<void> {
    clearInterval(this.#turns)
    await until('every send has its receipt', () => this.#living.every(({ open }) => open === 0))
  }

  /** Kills a Pod, and starts it again at the same address. */
  async restart(place: number): Promise<void> {
    const incarnation = this.#places[place] as Incarnation
    this.#places[place] = undefined
    this.#formerCpuNs += incarnation.cpuNs
    incarnation.killedAt = performance.now()
    this.#killed.push(incarnation)
    this.kills += 1
    await incarnation.pod.kill()
    await this.#begin(place)
  }

  /**
   * Events that must have arrived by now: those that were due at the last call, and all of incarnations that were killed
   * long ago, which can be forgotten afterwards.
   */
  due(): Due[] {
    const living = new Set(this.#living.map(({ number }) => number))
    const noted = this.#noted.filter(({ incarnation }) => living.has(incarnation))
    this.#noted = this.#living.map((incarnation) => incarnation.due())
    const isOver = ({ killedAt = 0 }: Incarnation) => performance.now() - killedAt >= OVER_MS
    const over = this.#killed.filter(isOver)
    this.#killed = this.#killed.filter((incarnation) => !isOver(incarnation))
    for (const { unpromised } of over) this.#formerUnpromised += unpromised
    return [...noted, ...over.map((incarnation) => incarnation.due(true))]
  }

  /** Everything that must arrive, of every incarnation that was not judged for good. */
  get allDue(): Due[] {
    return [...this.#killed, ...this.#living].map((incarnation) => incarnation.due())
  }

  async stop(): Promise<void> {
    clearInterval(this.#turns)
    for (const incarnation of this.#living) incarnation.killedAt = performance.now()
    await Promise.all(this.#living.map(({ pod }) => pod.kill()))
  }

  get #living(): Incarnation[] {
    return this.#places.filter((incarnation) => incarnation !== undefined)
  }

  async #begin(place: number): Promise<void> {
    const pod = await PodProcess.start({
      runtime: 'node',
      host: HOSTS[place] as string,
      peers: HOSTS.map((host) => `${host}:7110`),
      script: SCRIPT,
      args: ['--expose-gc'],
      ipc: true,
    })
    this.#incarnations += 1
    const incarnation = new Incarnation(this.#incarnations, pod, this.#streams)
    this.#places[place] = incarnation
    pod.ended.then((how) => {
      if (incarnation.killedAt === undefined) this.errors.push(`${pod} ended with ${how}`)
      if (pod.stderr !== '') this.errors.push(`${pod} wrote: ${pod.stderr.slice(0, 2_000)}`)
      for (const refusal of incarnation.refusals.slice(0, 3))
        this.errors.push(`${pod} refused a send: ${refusal}`)
    })
  }

  #sendOne(): void {
    const incarnation = this.anyIncarnation()
    if (this.#living.reduce((sum, { open }) => sum + open, 0) >= OPEN_MAX) {
      this.#tooMany += 1
      return
    }
    this.sent += 1
    void incarnation.send(Math.floor(Math.random() * this.#streams)).then((receipt: Sent | undefined) => {
      if (receipt?.delivered === HOSTS.length - 1) this.everywhere += 1
    })
  }
}
