import type { RunLogs } from '../wire/run-messages.ts'
import type { PeerProgress } from './peer-progress.ts'

/**
 * Data that crosses exchanges beside the entries of the log: the chunks of runs. It shares their window, so that a peer that
 * does not read bounds what this Pod buffers for it.
 */
export interface SideChannel {
  /** An exchange with a peer that knows the channel is open. */
  open(exchange: SideExchange): SideSession
}

/** An open exchange, as the channel sees it. */
export interface SideExchange {
  readonly peer: PeerProgress
  /** True if this Pod has opened it. */
  readonly isOpener: boolean
  /** Asks for {@link SideSession.next} at the end of this turn. */
  push(): void
  /** Asks the peer to acknowledge at once all that it was sent. */
  ask(): void
}

/** The channel in one exchange. */
export interface SideSession {
  /** Takes a section of the peer. @throws SserError which ends the exchange */
  receive(section: RunLogs): void
  /** The next section for the peer, of some 64 KiB at most; undefined where there is nothing to send. */
  next(): SideSection | undefined
  /** The exchange is over. */
  close(): void
}

export interface SideSection {
  /** As JSON. */
  readonly text: string
  /** True if something waits for its acknowledgement. */
  readonly isAwaited: boolean
  /** Called when the peer has received it. */
  readonly onAck: (() => void) | undefined
}
