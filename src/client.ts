import { Client } from './client/client.ts'
import type { ConnectOptions, FetchFunction, Gap, HeadersContext, HeaderValues } from './client/options.ts'

export { ClientError } from './client/error.ts'
export { type EventSourceFetchOptions, eventSourceFetch } from './client/event-source-fetch.ts'
export type { Readable } from './client/readable.ts'
export type { Run, RunOptions, RunState, RunStatus } from './client/run.ts'
export type { LoadSnapshot, Snapshot, SnapshotContext } from './client/snapshot-loader.ts'
export type { ClientErrorCode, ConnectionState } from './client/source.ts'
export {
  type RunStoreOptions,
  type RunValue,
  runStore,
  type StreamStoreOptions,
  streamStore,
} from './client/stores.ts'
export type { Stream } from './client/stream.ts'
export type { EventInfo, StreamListener, StreamOptions } from './client/subscription.ts'
export type { Client, ConnectOptions, FetchFunction, Gap, HeadersContext, HeaderValues }

/**
 * Connects a page to an endpoint of `sser`. The connection begins with the first listener.
 * @example
 * const client = connect('/events')
 * client.stream<Order>('orders').on((order) => show(order))
 */
export function connect(url: string, options: ConnectOptions = {}): Client {
  return new Client(url, options)
}
