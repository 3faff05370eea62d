import type { Clock } from '../../clock.ts'
import type { Log } from '../../log/log.ts'
import type { PeerClient } from '../../transport/peer-client.ts'
import { PeerStatusError, type Target } from '../../transport/peer-transport.ts'
import { encodeV1, PEER_ENDPOINT_URL_PATH } from '../../wire/v1.ts'
import type { PendingAcks } from '../pending-acks.ts'
import type { AckResult } from '../receipt.ts'
import type { LegacyProtocol } from '../single-requests.ts'

/** A Go Pod is asked this often whether it speaks v2 by now, in milliseconds. */
const PROBE_INTERVAL_MS = 60_000

const NO_DISCONNECT: AckResult = { status: 'failed', reason: 'a Go Pod cannot disconnect' }

/** Sends this Pod's own events to a Go Pod, one in a request and each at most once. */
export class V1Sender implements LegacyProtocol {
  readonly #log: Log
  readonly #client: PeerClient
  readonly #clock: Clock
  readonly #acks: PendingAcks
  /** Seq of the last event that was sent, successfully or not, or that the peer will not be sent. */
  #seq: number
  #activeUntil = Number.NEGATIVE_INFINITY

  constructor(options: { log: Log; client: PeerClient; clock: Clock; acks: PendingAcks }) {
    this.#log = options.log
    this.#client = options.client
    this.#clock = options.clock
    this.#acks = options.acks
    this.#seq = options.log.ownSeq
    // A Go Pod was not there for these; a Pod with v2 says itself which it holds.
    this.#acks.skip(0, this.#seq)
  }

  get isActive(): boolean {
    return this.#clock.now() < this.#activeUntil
  }

  get ackedSeq(): number {
    return this.#seq
  }

  begin(ackedSeq: number): void {
    this.#seq = Math.max(this.#seq, ackedSeq)
    this.#activeUntil = this.#clock.now() + PROBE_INTERVAL_MS
  }

  end(): void {
    this.#activeUntil = Number.NEGATIVE_INFINITY
  }

  /** Sends the next event: at most once, and only to a peer that has just responded. */
  async sendNext(target: Target, signal: AbortSignal): Promise<void> {
    const log = this.#log
    log.trim(this.#clock.now())
    const record = log.epochs.get(log.epoch)
    const entry = record?.entries.at(record.entries.lowerBound(({ seq }) => seq > this.#seq))
    if (entry?.kind === 'disconnect') this.#acks.ackUpTo(entry.seq, NO_DISCONNECT)
    if (entry?.kind !== 'event' || entry.isEvicted) return this.#skipTo(entry?.seq ?? log.ownSeq)
    this.#skipTo(entry.seq - 1)
    try {
      const body = encodeV1({ stream: entry.stream, msg: entry.msg })
      // A Go Pod's response says nothing but whether it took the event.
      const content = { path: PEER_ENDPOINT_URL_PATH, body, maxBytes: 0 }
      const { status } = await this.#client.post(target, content, { signal })
      this.#acks.reset()
      if (status < 200 || status > 299) throw new PeerStatusError(status)
    } catch (error) {
      this.#acks.skip(entry.seq - 1, entry.seq)
      // The peer may have taken it all the same. The next request uses v2, which risks no event, to see if it responds.
      this.end()
      throw error
    } finally {
      // Successfully or not: it is not sent again.
      this.#seq = entry.seq
    }
  }

  /** Skips no-op entries, disconnects and evicted events up to `seq`. */
  #skipTo(seq: number): void {
    this.#acks.evict(this.#seq, seq)
    this.#seq = seq
  }
}
