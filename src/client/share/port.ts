import { contains, type Seqs } from '../position.ts'
import type { SourceItem } from '../source.ts'
import type { HubMessage } from './messages.ts'
import { covers, idOf, union, vectorOf } from './vector.ts'

/** Items and characters of them that a tab may leave unacknowledged, before the hub sends it no more. */
const MAX_ITEMS = 10_000
const MAX_LENGTH = 4_194_304
/** The hub asks for an acknowledgement after this share of them. */
const ASK_SHARE = 0.125

/** The hub's side of one tab. */
export class Port {
  readonly post: (message: HubMessage) => void
  session = 0
  streams: ReadonlySet<string> = new Set()
  /** When the tab last sent a message. */
  heardAt: number
  /** The position after the last item that it was sent. */
  position: string | undefined
  /** Position of the tab while the connection is behind it; undefined where the tab has all that the connection has delivered. */
  floor: Seqs | undefined
  /** True while it is sent nothing, because it acknowledges nothing: a frozen tab. */
  isBehind = false
  #outbox: SourceItem[] = []
  /** Items and characters that were sent since the join, and those of them that the tab has read. */
  #sent = { items: 0, length: 0 }
  #read = { items: 0, length: 0 }
  /** Amounts that were sent before each requested acknowledgement. */
  #asked: { items: number; length: number }[] = []

  constructor(post: (message: HubMessage) => void, now: number) {
    this.post = post
    this.heardAt = now
  }

  /** Begins anew at the tab's own position. */
  begin(session: number, position: string | undefined): void {
    this.session = session
    this.position = position
    this.floor = undefined
    this.isBehind = false
    this.#outbox = []
    this.#sent = { items: 0, length: 0 }
    this.#read = this.#sent
    this.#asked = []
  }

  /** Adds an item to the next message. An event or gap that the tab has is left out. */
  add(item: SourceItem): void {
    if (item.type === 'state') return this.#push(item)
    if (this.isBehind) return
    const { floor } = this
    if (floor === undefined || item.id === undefined) return this.#push(item)
    if (item.type === 'open') return this.#push({ ...item, id: this.position })
    const vector = vectorOf(item.id) ?? floor
    const isReached = covers(vector, floor)
    const has = item.type === 'event' ? contains(floor, item.id) : covers(floor, vector)
    this.floor = isReached ? undefined : has ? floor : union(floor, vector)
    // The heartbeat tells that the connection is alive, also where the tab is ahead of it.
    if (item.type === 'position' && !isReached) this.#push({ ...item, id: this.position })
    else if (!has || (isReached && item.type === 'position'))
      this.#push(this.floor === undefined ? item : { ...item, id: idOf(this.floor) })
  }

  /** Sends the items that were added. `isProbe`: sends a message, and asks for an answer, in any case. */
  flush(isProbe = false): void {
    if (this.#outbox.length === 0 && !isProbe) return
    const items = this.#outbox
    this.#outbox = []
    let { length } = this.#sent
    for (const item of items) if (item.type === 'event') length += item.data.length
    this.#sent = { items: this.#sent.items + items.length, length }
    const asksAck = isProbe || this.#exceeds(ASK_SHARE, this.#asked.at(-1) ?? this.#read)
    if (asksAck) this.#asked.push(this.#sent)
    this.post({ type: 'items', session: this.session, items, asksAck })
    this.isBehind ||= this.#exceeds(1, this.#read)
  }

  /** Returns true if the tab was behind, and has read all that it was sent. */
  acknowledge(session: number, count: number): boolean {
    if (session !== this.session) return false
    while (this.#asked[0] !== undefined && this.#asked[0].items <= count)
      this.#read = this.#asked.shift() as { items: number; length: number }
    return this.isBehind && count >= this.#sent.items
  }

  /** True if more than this share of the limits was sent after `since`. */
  #exceeds(share: number, since: { items: number; length: number }): boolean {
    const { items, length } = this.#sent
    return items - since.items > MAX_ITEMS * share || length - since.length > MAX_LENGTH * share
  }

  #push(item: SourceItem): void {
    this.#outbox.push(item)
    if ((item.type === 'event' || item.type === 'gap' || item.type === 'position') && item.id !== undefined)
      this.position = item.id
  }
}
