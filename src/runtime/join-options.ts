import * as v from 'valibot'
import { MAX_TIMER_MS } from '../clock.ts'
import { OPTION_NAMES } from '../options.ts'
import type { Sser } from '../sser.ts'
import type { PeerTlsSource } from '../transport/certificates.ts'
import { hasMethods, type OtherOptions, whole, withDefault } from '../validation.ts'

/** Options of `join()` and of `serve()`. */
export interface JoinOptions {
  /** The instance to start. */
  sser: Sser
  /**
   * Address of the internal port. Beyond loopback it needs `peerSecret`, `internalTls` or `allowOpenInternalPort`.
   * @default `hostname` of `serve()`, for `join()` all addresses; with none of the three, 127.0.0.1 if there is no peer finder,
   * or one that finds peers on this machine alone
   */
  internalHostname?: string | undefined
  /**
   * Mutual TLS between Pods, for the internal port and all links. Pass files or a function if certificates are renewed,
   * because they are read again.
   * @default plain HTTP
   */
  internalTls?: PeerTlsSource | undefined
  /**
   * Separate port for `sser.opsRoutes`, without TLS because a kubelet's probes have no certificate. It is bound to
   * `internalHostname`, or else to `hostname`. It accepts no messages, and shows the names of streams and peers.
   * @default the internal port
   */
  opsPort?: number | undefined
  /**
   * Time in which requests in flight must end when the public port closes, in milliseconds, streaming responses and
   * `beforeFlush` included; then their connections are closed. The port closes after the event streams have ended
   * (`drainTimeoutMs`), and before `flushTimeoutMs` begins: `terminationGracePeriodSeconds` must exceed the sum of the three.
   * Minimum: 0.
   * @default 10_000
   */
  requestDrainTimeoutMs?: number | undefined
  /**
   * Called once the event streams have ended and the public port has closed; `send()` works until it resolves. Close the
   * framework here: `() => app.close()`.
   * @default nothing
   */
  beforeFlush?: (() => unknown) | undefined
  /**
   * Stops the Pod on SIGTERM and SIGINT. Set it to false if the framework handles signals itself, and call `stop()`
   * from its hook.
   * @default true
   */
  signals?: boolean | undefined
}

/** The default of {@link JoinOptions.requestDrainTimeoutMs}. */
export const REQUEST_DRAIN_TIMEOUT_MS = 10_000

export const portSchema: v.GenericSchema<number> = whole(0, 65_535)
/** Schema of the options that `join()` and `serve()` share. */
export const joinEntries: v.ObjectEntries = {
  sser: v.custom<Sser>((value) => hasMethods(value, ['start', 'stop']), 'an Sser'),
  internalHostname: v.optional(v.string()),
  internalTls: v.optional(v.unknown()),
  opsPort: v.optional(portSchema),
  requestDrainTimeoutMs: withDefault(REQUEST_DRAIN_TIMEOUT_MS, 0, MAX_TIMER_MS),
  beforeFlush: v.optional(
    v.custom<() => unknown>((value) => typeof value === 'function', 'a function, such as () => app.close()'),
  ),
  signals: v.optional(v.boolean()),
}
/** Options that are given to `join()` or `serve()` by mistake. */
export const SSER_OPTIONS: OtherOptions = { call: 'new Sser()', names: OPTION_NAMES }
