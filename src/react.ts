import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import type { Client } from './client/client.ts'
import type { Readable } from './client/readable.ts'
import type { Snapshot } from './client/snapshot-loader.ts'
import type { ConnectionState } from './client/source.ts'
import {
  type RunStoreOptions,
  type RunValue,
  runStore,
  type StreamStoreOptions,
  streamStore,
} from './client/stores.ts'
import type { EventInfo, StreamOptions } from './client/subscription.ts'

/** The state of the client's connection. On a server it is `connecting`. */
export function useConnection(client: Client): ConnectionState {
  return useSyncExternalStore(client.state.subscribe, client.state.get, onServer)
}

const onServer = (): ConnectionState => 'connecting'

/**
 * The newest value of a stream; undefined before the first event. With `initial` and `reduce`, the value that the events
 * reduce to. The options may change with each render: a change of `client` or `name` alone begins anew.
 * @example
 * const order = useStream<Order>(client, 'orders')
 */
export function useStream<T = unknown>(
  client: Client,
  name: string,
  options?: Omit<StreamOptions<T>, 'snapshot' | 'onSnapshot'>,
): T | undefined
/**
 * @example
 * const orders = useStream<Order, Order[]>(client, 'orders', { initial: [], reduce: (orders, order) => [...orders, order] })
 */
export function useStream<T, State, S extends Snapshot = Snapshot>(
  client: Client,
  name: string,
  options: StreamStoreOptions<T, State, S>,
): State
export function useStream<T, State, S extends Snapshot>(
  client: Client,
  name: string,
  options: Partial<StreamStoreOptions<T, State, S>> = {},
): State {
  const current = { reduce: newest, ...options } as StreamStoreOptions<T, State, S>
  const latest = useLatest(current)
  // biome-ignore lint/correctness/useExhaustiveDependencies: other options must not begin the store anew.
  const store = useMemo(
    () =>
      streamStore<T, State, S>(client, name, {
        ...current,
        reduce: (state, value, info) => latest.current.reduce(state, value, info),
      }),
    [client, name, latest],
  )
  return useReadable(store)
}

function newest<T>(_: unknown, value: T, __: EventInfo): T {
  return value
}

/** Result of {@link useRun}. */
export interface RunResult<State> extends RunValue<State> {
  /** Asks the application to cancel the run, as `run.cancel()` does. */
  cancel(): Promise<void>
}

/**
 * A run from its first chunk: its text so far, its state, and `cancel()`. Without a name it is idle.
 * @example
 * const { value, status, cancel } = useRun(client, `chat:${id}`)
 */
export function useRun(client: Client, name: string | undefined): RunResult<string>
/** With `initial` and `reduce`, the value that the chunks reduce to. */
export function useRun<T, State>(
  client: Client,
  name: string | undefined,
  options: RunStoreOptions<T, State>,
): RunResult<State>
export function useRun<T, State>(
  client: Client,
  name: string | undefined,
  options: RunStoreOptions<T, State> = TEXT as unknown as RunStoreOptions<T, State>,
): RunResult<State> {
  const latest = useLatest(options)
  // biome-ignore lint/correctness/useExhaustiveDependencies: other options must not begin the store anew.
  const store = useMemo<Readable<RunValue<State>>>(
    () =>
      name === undefined
        ? idle(options.initial)
        : runStore<T, State>(client, name, {
            ...options,
            reduce: (state, chunk) => latest.current.reduce(state, chunk),
          }),
    [client, name, latest],
  )
  const value = useReadable(store)
  return { ...value, cancel: async () => void (name !== undefined && (await client.run(name).cancel())) }
}

const TEXT: RunStoreOptions<string, string> = { initial: '', reduce: (text, chunk) => text + chunk }

function idle<State>(initial: State): Readable<RunValue<State>> {
  const value: RunValue<State> = { value: initial, status: 'idle' }
  return { get: () => value, subscribe: () => () => undefined }
}

function useReadable<T>(store: Readable<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get)
}

/** The value of the last render that was shown. */
function useLatest<T>(value: T): { current: T } {
  const ref = useRef(value)
  useEffect(() => {
    ref.current = value
  })
  return ref
}
