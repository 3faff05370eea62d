import type { Client } from './client.ts'
import { ClientError, messageOf } from './error.ts'
import { Observable, type Readable } from './readable.ts'
import type { RunOptions, RunState } from './run.ts'
import type { Snapshot } from './snapshot-loader.ts'
import type { EventInfo, StreamOptions } from './subscription.ts'

/** Options of {@link streamStore}. */
export interface StreamStoreOptions<T, State, S extends Snapshot = Snapshot>
  extends Omit<StreamOptions<T, S>, 'onSnapshot'> {
  /** The value before the first event. */
  initial: State
  /** Returns the value after an event. */
  reduce(state: State, value: T, info: EventInfo): State
  /** Returns the value of a snapshot, for the option `snapshot`. @default none */
  fromSnapshot?: ((snapshot: S, state: State) => State) | undefined
}

/** The value that the events of a stream reduce to. It listens while it has subscribers. */
export function streamStore<T, State, S extends Snapshot = Snapshot>(
  client: Client,
  name: string,
  options: StreamStoreOptions<T, State, S>,
): Readable<State> {
  const { fromSnapshot } = options
  return lazy(options.initial, (store) =>
    client
      .stream<T, S>(name, {
        ...options,
        onSnapshot: (snapshot) => fromSnapshot && store.set(fromSnapshot(snapshot, store.get())),
      })
      .on((value, info) => store.set(options.reduce(store.get(), value, info))),
  )
}

/** Options of {@link runStore}. */
export interface RunStoreOptions<T, State> extends RunOptions<T> {
  /** The value before the first chunk. */
  initial: State
  /** Returns the value after a chunk. */
  reduce(state: State, chunk: T): State
}

/** The value that the chunks of a run reduce to, and the state of the run. */
export interface RunValue<State> extends RunState {
  readonly value: State
}

/** The value that the chunks of a run reduce to. It reads the run, from its first chunk, while it has subscribers. */
export function runStore<T, State>(
  client: Client,
  name: string,
  options: RunStoreOptions<T, State>,
): Readable<RunValue<State>> {
  const { initial, reduce } = options
  return lazy<RunValue<State>>({ value: initial, status: 'idle' }, (store) => {
    // An ended run has nothing new.
    if (store.get().status !== 'idle') return () => undefined
    const run = client.run<T>(name, options)
    const chunks = run[Symbol.asyncIterator]()
    let value = initial
    let isStopped = false
    const update = (state: RunState) => isStopped || store.set({ value, ...state })
    // The end of a run is shown with its last chunk, not before.
    const off = run.state.subscribe((state) => isOpen(state) && update(state))
    update(run.state.get())
    const read = async () => {
      for await (const chunk of chunks) {
        value = reduce(value, chunk)
        const state = run.state.get()
        update(isOpen(state) ? state : { status: 'running' })
      }
    }
    read().then(
      () => update(run.state.get()),
      (cause: unknown) => update(cause instanceof ClientError ? run.state.get() : failureOf(cause)),
    )
    return () => {
      if (isOpen(store.get())) store.set({ value: initial, status: 'idle' })
      isStopped = true
      off()
      void chunks.return?.()
    }
  })
}

/** `reduce` has thrown. */
function failureOf(cause: unknown): RunState {
  const error = new ClientError(
    { code: 'listener', message: `reduce() threw: ${messageOf(cause)}` },
    { cause },
  )
  return { status: 'stopped', error }
}

function isOpen({ status }: RunState): boolean {
  return (
    status === 'connecting' || status === 'running' || status === 'recovering' || status === 'interrupted'
  )
}

/**
 * A value that `start` sets while it has subscribers. It stops a moment after the last one has gone, because React, in its
 * strict mode, subscribes twice.
 */
function lazy<T>(initial: T, start: (store: Observable<T>) => () => void): Readable<T> {
  const store = new Observable(initial)
  let subscribers = 0
  let stop: (() => void) | undefined
  return {
    get: store.get,
    subscribe(listener) {
      subscribers += 1
      const off = store.subscribe(listener)
      stop ??= start(store)
      let isOff = false
      return () => {
        if (isOff) return
        isOff = true
        off()
        subscribers -= 1
        setTimeout(() => {
          if (subscribers > 0) return
          stop?.()
          stop = undefined
        })
      }
    },
  }
}
