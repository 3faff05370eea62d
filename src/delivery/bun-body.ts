import type { BunServer } from '../http/bun-server.ts'
import type { EventStream } from './event-stream.ts'

/** How long the client of an ended stream may take for the rest of it, in seconds. */
const LINGER_S = 10
/** Bun counts in seconds, and has no other way to close one connection. */
const AT_ONCE_S = 1
const NEVER = 0

export interface CarriedOptions {
  /** Whether Bun cancels the stream's own body when the client has gone; otherwise the stream asks the request's signal. */
  reportsClose: boolean
  /** The event stream is over; its last bytes may be under way. */
  onEnd?: (() => void) | undefined
}

/** Lets the event stream be quiet for longer than Bun would have it, while it lasts. */
export function carriedByBun(
  stream: EventStream,
  request: Request,
  server: BunServer,
  { reportsClose, onEnd = () => {} }: CarriedOptions,
): void {
  stream.carriedBy({
    begin: () => server.timeout(request, NEVER),
    end() {
      server.timeout(request, LINGER_S)
      onEnd()
    },
    cut() {
      server.timeout(request, AT_ONCE_S)
      onEnd()
    },
    reportsClose,
  })
}
