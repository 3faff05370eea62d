import type { BunServer } from '../http/bun-server.ts'
import type { EventStreamBody } from './event-stream-body.ts'

/** How long the client of an ended stream may take for the rest of it, in seconds. */
const CLOSE_TIMEOUT_S = 10
/** The shortest timeout of Bun, which counts in seconds and has no other way to close one connection. */
const ABORT_TIMEOUT_S = 1
const NO_TIMEOUT = 0

export interface BunSocketOptions {
  /** Whether Bun cancels the body when the client has gone; otherwise the body listens to the request's signal. */
  reportsClose: boolean
  /** The event stream has ended; the client may still read what was written. */
  onEnd?: (() => void) | undefined
}

/** Turns Bun's idle timeout off for as long as the event stream lasts. */
export function onBunSocket(
  body: EventStreamBody,
  request: Request,
  server: BunServer,
  { reportsClose, onEnd = () => {} }: BunSocketOptions,
): void {
  body.onSocket({
    onOpen: () => server.timeout(request, NO_TIMEOUT),
    onEnd() {
      server.timeout(request, CLOSE_TIMEOUT_S)
      onEnd()
    },
    onAbort() {
      server.timeout(request, ABORT_TIMEOUT_S)
      onEnd()
    },
    reportsClose,
  })
}
