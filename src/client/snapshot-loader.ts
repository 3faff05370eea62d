import type { Clock } from '../clock.ts'
import { backoffMs, RETRY_MS } from './backoff.ts'
import { ClientError, messageOf } from './error.ts'
import { type Seqs, seqsOf } from './position.ts'

/** A state of the server, and the position that it was read at. */
export interface Snapshot {
  /** `sser.position`, read before the query. */
  readonly position: string
}

/** Told to the option `snapshot`. */
export interface SnapshotContext {
  /** Aborts when another snapshot is needed, or none. */
  readonly signal: AbortSignal
  /** The reason of the gap; undefined for the first snapshot. */
  readonly gap: string | undefined
}

export type LoadSnapshot<S extends Snapshot> = (
  context: SnapshotContext,
) => Response | S | Promise<Response | S>

/** A gap that comes sooner after a snapshot waits, because a stream with a gap each second would reload each second. */
const MIN_INTERVAL_MS = 10_000

/** Receives what a loader loads. */
interface SnapshotHandlers<S> {
  onLoad(snapshot: S, seqs: Seqs): void
  onError(error: ClientError): void
}

/** Loads the snapshot of one subscription, and tries again until it succeeds. */
export class SnapshotLoader<S extends Snapshot> {
  readonly #clock: Clock
  readonly #load: LoadSnapshot<S>
  readonly #handlers: SnapshotHandlers<S>
  #abort: AbortController | undefined
  #cancelWait: (() => void) | undefined
  #loadedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, load: LoadSnapshot<S>, handlers: SnapshotHandlers<S>) {
    this.#clock = clock
    this.#load = load
    this.#handlers = handlers
  }

  get isLoading(): boolean {
    return this.#abort !== undefined
  }

  /** Loads a snapshot in place of one that is under way. */
  start(gap: string | undefined): void {
    this.stop()
    const abort = new AbortController()
    this.#abort = abort
    const isSoon = gap !== undefined && this.#clock.now() - this.#loadedAt < MIN_INTERVAL_MS
    if (isSoon) this.#wait(RETRY_MS * (1 + this.#clock.random()), abort, gap, 0)
    else void this.#attempt(abort, gap, 0)
  }

  stop(): void {
    this.#abort?.abort()
    this.#abort = undefined
    this.#cancelWait?.()
    this.#cancelWait = undefined
  }

  #wait(ms: number, abort: AbortController, gap: string | undefined, failures: number): void {
    this.#cancelWait = this.#clock.after(ms, () => void this.#attempt(abort, gap, failures))
  }

  async #attempt(abort: AbortController, gap: string | undefined, failures: number): Promise<void> {
    const { signal } = abort
    let snapshot: S
    let seqs: Seqs
    try {
      snapshot = await readSnapshot(await this.#load({ signal, gap }))
      if (typeof snapshot?.position !== 'string')
        throw new TypeError('expected { position }, the sser.position of the server')
      seqs = seqsOf(snapshot.position)
    } catch (cause) {
      if (signal.aborted) return
      const message = `snapshot() failed: ${messageOf(cause)}`
      this.#handlers.onError(new ClientError({ code: 'snapshot', message }, { cause }))
      if (!signal.aborted) this.#wait(backoffMs(this.#clock, failures), abort, gap, failures + 1)
      return
    }
    if (signal.aborted) return
    this.#abort = undefined
    this.#loadedAt = this.#clock.now()
    this.#handlers.onLoad(snapshot, seqs)
  }
}

async function readSnapshot<S>(result: Response | S): Promise<S> {
  // Not by its class, because a page may replace `fetch` with one that has a class of its own.
  if (!isResponse(result)) return result
  if (!result.ok) throw new Error(`HTTP ${result.status}`)
  return (await result.json()) as S
}

function isResponse(value: unknown): value is Response {
  return typeof (value as Partial<Response> | undefined)?.json === 'function'
}
