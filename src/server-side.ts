import type { Arrivals } from './admission/arrivals.ts'
import type { ServerStop } from './instance/lifecycle-lines.ts'
import type { ServerStart, StopOptions } from './instance/membership.ts'
import type { AcceptExchange } from './transport/peer-transport.ts'

/** Access of `serve()`, `join()`, `toNodeHandler()` and `sser/testing` to an instance; users of the class have none. */
export interface ServerSide {
  arrivals: Arrivals
  /** True if the internal port needs certificates or a loopback address. */
  isUnguarded: boolean
  isLocal: boolean
  /** True if peers sign their messages. */
  isSigned: boolean
  /** Logs a line that the default logger prints as well. */
  notice(message: string): void
  start(options: ServerStart): Promise<void>
  stop(options: StopOptions, how: ServerStop): Promise<void>
  /** Takes an exchange that a peer has opened. */
  accept: AcceptExchange
  /** Ends the instance without a drain and without a handover, as if its process were killed. */
  kill(): void
}
