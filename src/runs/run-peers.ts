import type { RunId } from '../wire/runs.ts'

/** Intervals of no-op entries without an entry of an epoch, after which its Pod is silent, and its runs are interrupted. */
export const SILENT_INTERVALS = 3

/** Facts about the Pod of a run's producer. */
export type PeerRunState =
  /** This Pod. */
  | { readonly state: 'self' }
  /** Entries of its epoch arrive. */
  | { readonly state: 'connected' }
  /** No entry of its epoch has arrived since the time `since` on this Pod's clock. */
  | { readonly state: 'silent'; readonly since: number }
  /** It was deleted, or its address answers with another epoch. */
  | { readonly state: 'gone' }
  /** This Pod knows nothing of the epoch. */
  | { readonly state: 'unknown' }

/** Answer of the producer's Pod to a request to cancel a run. */
export type CancelOutcome = 'cancelled' | 'not-running' | 'unreachable'

/** The other Pods, as the runs of this Pod see them. */
export interface RunPeers {
  /** True once this Pod knows the runs that its peers know; until then, {@link ask} precedes a start. */
  readonly isSynced: boolean
  /** Facts about the Pod with this epoch. */
  stateOf(epoch: string, now: number): PeerRunState
  /** Calls `listener` when a fact has changed: of {@link stateOf}, {@link hasAll} or {@link heldBy}. */
  onChange(listener: () => void): void
  /** A reader of this Pod needs the run: its chunks are to be fetched into the copy, from the chunk that it lacks on. */
  want(id: RunId): void
  /** No reader of this Pod needs the run any more. */
  unwant(id: RunId): void
  /** True if this Pod is a holder of the run, so that its copy is evicted late. */
  mustHold(id: RunId): boolean
  /** Asks all reachable peers for the headers of these names and ids. Resolves when they have answered, or after 1 s. */
  ask(question: { names?: readonly string[]; ids?: readonly RunId[] }): Promise<void>
  /** Asks the producer's Pod to cancel the run. */
  cancel(id: RunId): Promise<CancelOutcome>
  /** Sends the chunks of a run of this Pod at once to the Pods that hold it, because {@link heldBy} will be asked. */
  flush(id: RunId): void
  /** Number of other Pods that hold the chunks of a run of this Pod before the index `next`. */
  heldBy(id: RunId, next: number): number
  /** Number of other Pods that are to hold a run of this Pod. */
  holdersOf(id: RunId): number
  /** True if no reachable Pod has chunks of the run, or its end, that this Pod lacks. */
  hasAll(id: RunId): boolean
}

/** The runs of a Pod without peers. */
export const ALONE: RunPeers = {
  isSynced: true,
  stateOf: () => ({ state: 'unknown' }),
  onChange() {},
  want() {},
  unwant() {},
  mustHold: () => false,
  ask: () => Promise.resolve(),
  cancel: () => Promise.resolve('unreachable'),
  flush() {},
  heldBy: () => 0,
  holdersOf: () => 0,
  hasAll: () => true,
}
