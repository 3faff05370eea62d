import type { Clock } from '../clock.ts'
import type { Link } from './link.ts'

/** Result of an event at one peer when `send()` resolved. */
export interface PeerReceipt {
  /** The peer, as `address:port`. */
  peer: string
  /**
   * `delivered`: its log holds the event.
   *
   * `pending`: the peer did not respond within `ackTimeoutMs`. Without a wait: an earlier `send()` waited that long, or the
   * last request reached its timeout of 5 s, and the peer has not responded since; or the finder says that the peer is
   * starting or being deleted.
   *
   * `failed`: the last request failed in another way, or the event left the log before the peer was sent it.
   *
   * A peer that is `pending` or `failed` gets the event when it responds again within the log's bounds, and the clients of
   * a deleted Pod get it from the Pod that they reconnect to. A Go Pod gets an event at most once, and no disconnect.
   */
  status: 'delivered' | 'pending' | 'failed'
  /** Reason why the event is not delivered. */
  reason?: string
}

/** Result of an event when `send()` resolved. */
export interface Receipt {
  /** The event's own id: the sender's epoch and the event's number in it; of a duplicate, the first one's. */
  id: string
  /** True if an event with the same idempotency key was sent before: then nothing was sent now. */
  duplicate: boolean
  /** Number of connections to the stream on this Pod. */
  connections: number
  /** Every other Pod. */
  peers: PeerReceipt[]
}

/** Result of a disconnect when `disconnect()` resolved. At a peer, `delivered` means that its connections ended. */
export interface DisconnectReceipt {
  /** The disconnect's own id, like an event's. */
  id: string
  /** Number of connections on this Pod that ended. */
  connections: number
  /** Every other Pod. */
  peers: PeerReceipt[]
}

/** Result of an event at one peer; undefined: the peer is this very Pod. */
export type AckResult = Omit<PeerReceipt, 'peer'> | undefined

/** Calls for the results of an event at all peers, without a promise: the caller has one of its own. */
export interface AckCollector {
  resolve(peers: PeerReceipt[]): void
  reject(reason: unknown): void
}

/**
 * Calls `resolve` when every link has a result for the event `seq` of `epoch`, or after `timeoutMs`; `reject` when the
 * signal aborts before.
 */
export function collectAcks(
  allLinks: Iterable<Link>,
  epoch: string,
  seq: number,
  options: { timeoutMs: number; clock: Clock; signal?: AbortSignal | undefined },
  { resolve, reject }: AckCollector,
): void {
  const links = [...allLinks]
  if (links.length === 0) return resolve([])
  const { timeoutMs, clock, signal } = options
  const results: AckResult[] = []
  let missing = links.length
  let cancelTimeout: (() => void) | undefined
  const finish = () => {
    cancelTimeout?.()
    signal?.removeEventListener('abort', abort)
    const peers: PeerReceipt[] = []
    for (let i = 0; i < links.length; i += 1) {
      const { host } = (links[i] as Link).target
      const result = results[i]
      if (result !== undefined) peers.push({ peer: host, ...result })
    }
    resolve(peers)
  }
  /** Settles the missing results; the last one calls `finish`. */
  const expire = () => {
    for (let i = 0; i < links.length; i += 1) if (!(i in results)) links[i]?.acks.expire(timeoutMs)
  }
  const abort = () => {
    cancelTimeout?.()
    reject(signal?.reason)
  }
  links.forEach((link, i) => {
    link.onAck(epoch, seq, (result) => {
      results[i] = result
      missing -= 1
      if (missing === 0) finish()
    })
  })
  if (missing === 0) return
  cancelTimeout = clock.after(timeoutMs, expire)
  signal?.addEventListener('abort', abort, { once: true })
}
