import type { Clock } from '../clock.ts'
import type { Link } from './link.ts'

/** What became of an event at one peer when `send()` returned. */
export interface PeerReceipt {
  /** The peer, as `address:port`. */
  peer: string
  /**
   * `delivered`: its log holds the event. `pending`: no answer within `ackTimeoutMs`; or, without a wait, an earlier
   * `send()` waited that long and the peer has not answered since, or the finder says that the Pod is starting or being
   * deleted, and it cannot be reached. `failed`: it cannot be reached now. In the last two cases the event still reaches a
   * peer of this package that comes back within the log's bounds, and the clients of a deleted Pod on the Pod that they
   * come back to; a Go Pod gets an event at most once.
   */
  status: 'delivered' | 'pending' | 'failed'
  /** Why it is not delivered. */
  reason?: string
}

/** What became of an event when `send()` returned. */
export interface Receipt {
  /** The event's own id: the sender's epoch and the event's number in it; of a duplicate, the first one's. */
  id: string
  /** Whether it was sent before, under the same key: then nothing was sent now. */
  duplicate: boolean
  /** Connections that listened on the stream here, on this Pod. */
  connections: number
  /** Every other Pod. */
  peers: PeerReceipt[]
}

/** What became of a disconnect when `disconnect()` returned: of its peers, `delivered` means that its connections ended. */
export interface DisconnectReceipt {
  /** The disconnect's own id, like an event's. */
  id: string
  /** Connections that were ended here, on this Pod. */
  connections: number
  /** Every other Pod. */
  peers: PeerReceipt[]
}

/** How an event ended at one peer; undefined: the peer is this very Pod. */
export type Outcome = Omit<PeerReceipt, 'peer'> | undefined

/** Resolves when every link had its say about the event `seq` of `epoch`, or `timeoutMs` passed. */
export function collectOutcomes(
  links: Iterable<Link>,
  epoch: string,
  seq: number,
  options: { timeoutMs: number; clock: Clock; signal?: AbortSignal | undefined },
): Promise<PeerReceipt[]> {
  return new Promise((resolve, reject) => {
    const { timeoutMs, clock, signal } = options
    const asked = [...links]
    const outcomes: Outcome[] = []
    let missing = asked.length
    let cancelTimeout: (() => void) | undefined
    const finish = () => {
      cancelTimeout?.()
      signal?.removeEventListener('abort', abort)
      const peers: PeerReceipt[] = []
      for (let i = 0; i < asked.length; i += 1) {
        const { host } = (asked[i] as Link).target
        const outcome = outcomes[i]
        if (outcome !== undefined) peers.push({ peer: host, ...outcome })
      }
      resolve(peers)
    }
    /** Settles what is missing: with the last of it, `finish` is called. */
    const giveUp = () => {
      for (let i = 0; i < asked.length; i += 1) if (!(i in outcomes)) asked[i]?.giveUpWaiting(timeoutMs)
    }
    const abort = () => {
      cancelTimeout?.()
      reject(signal?.reason)
    }
    asked.forEach((link, i) => {
      link.whenSettled(epoch, seq, (outcome) => {
        outcomes[i] = outcome
        missing -= 1
        if (missing === 0) finish()
      })
    })
    if (asked.length === 0) finish()
    if (missing === 0) return
    cancelTimeout = clock.after(timeoutMs, giveUp)
    signal?.addEventListener('abort', abort, { once: true })
  })
}
