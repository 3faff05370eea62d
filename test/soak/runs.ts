import { faultsOf, type GeneratedRun, isOver } from '../support/generated-run.ts'
import { RunClient } from '../support/run-client.ts'
import { until } from '../support/until.ts'
import type { SoakFleet } from './fleet.ts'
import type { Incarnation } from './incarnation.ts'
import { Timetable } from './timetable.ts'

const TURN_MS = 100
const CHUNKS = 100
const CHUNK_EVERY_MS = 40
const READERS = 2
/** A run without an end for its readers by this time is a fault. */
const END_MS = 60_000

/** Counts of the runs that all their readers have read, since the start. */
export interface RunCounts {
  /** By the end of the first reader. */
  ends: Record<string, number>
  /** Runs that readers have not read to the end. */
  open: number
  connections: number
  gaps: number
}

interface SoakRun extends GeneratedRun {
  incarnation: Incarnation
  startedAt: number
}

/**
 * Runs on random Pods of the soak, a few begin each second; each has two readers, which change Pods a few times a second. A
 * reader must have every chunk once and the right end; a run whose Pod is killed may be lost.
 */
export class SoakRuns {
  readonly counts: RunCounts = { ends: {}, open: 0, connections: 0, gaps: 0 }
  readonly #fleet: SoakFleet
  readonly #onFault: (fault: string) => void
  readonly #open = new Set<SoakRun>()
  #started = 0
  #timetable: Timetable | undefined
  #turns: NodeJS.Timeout | undefined

  constructor(fleet: SoakFleet, onFault: (fault: string) => void) {
    this.#fleet = fleet
    this.#onFault = onFault
  }

  /** From now on runs begin. */
  start(perSecond: number): void {
    this.#timetable = new Timetable(perSecond, performance.now())
    this.#turns = setInterval(() => {
      for (let due = this.#timetable?.due(performance.now()) ?? 0; due > 0; due -= 1) void this.#startOne()
      for (const run of this.#open) this.#judge(run)
    }, TURN_MS)
  }

  /** No more runs begin. Resolves when the readers have their ends. */
  async rest(): Promise<void> {
    this.#timetable = undefined
    await until('every run has its end', () => this.#open.size === 0, END_MS + 1_000, TURN_MS)
    this.stop()
  }

  stop(): void {
    clearInterval(this.#turns)
    for (const { clients } of this.#open) for (const client of clients) client.close()
  }

  async #startOne(): Promise<void> {
    this.#started += 1
    const name = `run${this.#started}`
    const incarnation = this.#fleet.anyIncarnation()
    if (!(await incarnation.startRun({ name, chunks: CHUNKS, everyMs: CHUNK_EVERY_MS }))) return
    const next = () => this.#fleet.anyIncarnation().pod.url
    const stayMs = () => 200 + Math.random() * 1_000
    const clients = Array.from({ length: READERS }, () => new RunClient({ name, next, stayMs }))
    const startedAt = performance.now()
    this.#open.add({ name, chunks: CHUNKS, signal: undefined, clients, incarnation, startedAt })
    this.counts.open = this.#open.size
  }

  #judge(run: SoakRun): void {
    const { clients, incarnation, startedAt } = run
    if (incarnation.killedAt !== undefined) run.signal = 'SIGKILL'
    if (!clients.every(isOver) && performance.now() - startedAt < END_MS) return
    this.#open.delete(run)
    const { counts } = this
    counts.open = this.#open.size
    for (const fault of faultsOf(run)) this.#onFault(fault)
    for (const client of clients) {
      client.close()
      counts.connections += client.connections
      counts.gaps += client.gaps.length
      for (const gap of client.gaps) this.#onFault(`${run.name}: a gap: ${gap}`)
    }
    const state = clients[0]?.end?.state ?? 'none'
    counts.ends[state] = (counts.ends[state] ?? 0) + 1
  }
}
