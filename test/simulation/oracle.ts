import type { EventSourceMessage } from 'eventsource-parser'
import type { Client } from './client.ts'
import { ClientRecord, isCoveredByGap, type Sent } from './client-record.ts'
import type { Plan } from './plan.ts'
import type { Incarnation } from './pod.ts'
import { readId } from './read-id.ts'
import type { Time } from './time.ts'
import { promisesOf } from './version.ts'

/** Test oracle: it knows every accepted event and every received block, and never looks inside a Pod. */
export class Oracle {
  readonly violations: string[] = []
  readonly trace: string[] = []
  gaps = 0
  falseGaps = 0
  maxIdLength = 0
  /** Disconnects of the clients of a stream, with their place in the log. */
  readonly disconnects: Sent[] = []
  /** Events of Go Pods, by the incarnation of the Pod that got them. */
  readonly v1 = new Map<Incarnation, Sent[]>()
  readonly #time: Time
  readonly #isTraced: boolean
  readonly #hasRoom: boolean
  readonly #isFair: boolean
  readonly #ageMs: number
  readonly #died = new Map<string, number>()
  readonly #sent = new Map<string, Sent>()
  readonly #epochs = new Map<string, Sent[]>()
  readonly #keys = new Map<string, Sent[]>()
  readonly #records = new Map<Client, ClientRecord>()

  /** `isTraced`: whether the trace is kept, too. */
  constructor(time: Time, plan: Plan, isTraced: boolean) {
    this.#time = time
    this.#isTraced = isTraced
    this.#hasRoom = plan.profile !== 'tiny' && plan.profile !== 'crowded'
    this.#isFair = plan.isFair
    this.#ageMs = plan.ageMs
  }

  get sent(): Iterable<Sent> {
    return this.#sent.values()
  }

  log(message: string): void {
    if (this.#isTraced) this.trace.push(`${String(Math.round(this.#time.now)).padStart(7)}  ${message}`)
  }

  violate(message: string): void {
    this.violations.push(message)
    this.log(`VIOLATION: ${message}`)
  }

  send(event: Sent): void {
    this.#sent.set(event.msg, event)
    if (event.epoch === undefined) return
    const events = this.#epochs.get(event.epoch)
    if (events === undefined) this.#epochs.set(event.epoch, [event])
    else events.push(event)
    if (event.key !== undefined) this.#keys.set(event.key, [...(this.#keys.get(event.key) ?? []), event])
  }

  /** The incarnation with this epoch has ended. */
  died(epoch: string): void {
    if (!this.#died.has(epoch)) this.#died.set(epoch, this.#time.now)
  }

  connected(client: Client, incarnation: Incarnation, resume: string | null): void {
    this.log(
      `${client.name} ← ${incarnation.address} with ${client.lastEventId || 'no id'}${resume === null ? '' : `: ${resume}`}`,
    )
    // A loop that has received no event begins anew.
    if (client.isLoop && client.lastEventId === '') this.forgets(client)
    const record = this.#recordOf(client)
    record.current = new Set()
    record.isWaiting = true
    record.promises = promisesOf(incarnation.version)
    record.atConnect = readId(incarnation.sser.position)
    // A new client must receive every event after its response.
    if (record.isNew) record.coveredByGap = new Map(record.atConnect)
    if (record.isNew && client.isLoop)
      for (const [epoch, seq] of record.atConnect) record.position.set(epoch, seq)
    if (record.heardAt > 0 && client.lastEventId === '') {
      this.violate(`${client.name} reconnects without an id, although it received a block`)
    }
    if (resume !== 'complete') return
    for (const event of this.v1.get(incarnation) ?? []) {
      // An event of this instant may still be delivered to the new connection.
      const isPast = event.at > record.heardAt && event.at < this.#time.now
      const isMissed = isPast && !record.received.has(event.msg)
      if (isMissed && client.streams.includes(event.stream))
        this.violate(`${client.name} lost ${event.msg} of a Go Pod without a gap`)
    }
  }

  /** The client lost its id: events may come again, and any event may be missing. */
  forgets(client: Client): void {
    this.#records.set(client, new ClientRecord())
  }

  received(client: Client, { id, event, data }: Pick<EventSourceMessage, 'id' | 'event' | 'data'>): void {
    // This block ends a response, and has no position.
    if (event === 'sser-retry') return
    const record = this.#recordOf(client)
    record.heardAt = this.#time.now
    if (record.isWaiting) record.resumedAt = this.#time.now
    record.isWaiting = false
    const isEvent = !event?.startsWith('sser-')
    this.log(`${client.name} got ${isEvent ? data : `${event} ${data}`} at ${id ?? 'no id'}`)
    if (isEvent) this.#take(client, record, data)
    if (id === undefined) return
    this.maxIdLength = Math.max(this.maxIdLength, id.length)
    const position = readId(id)
    for (const [epoch, seq] of position) {
      const diedAt = this.#died.get(epoch)
      // Pods remove it after 3.5 ages at most; the id of a client that reconnects carries it for 2.5 more.
      const carriedFrom = Math.max((diedAt ?? 0) + 3.5 * this.#ageMs, record.resumedAt)
      if (diedAt !== undefined && this.#time.now - carriedFrom > 3 * this.#ageMs) {
        this.violate(`${client.name}: id holds ${epoch}, which ended long ago`)
      }
      const before = record.position.get(epoch) ?? 0
      if (seq < before) this.violate(`${client.name}: id goes back in ${epoch} from ${before} to ${seq}`)
    }
    if (record.isNew && !record.promises.eventsAfterResponse) record.coveredByGap = new Map(position)
    if (event === 'sser-gap') this.#gap(client, record, position)
    else this.#checkClaims(client, record, position)
    record.isNew = false
    for (const [epoch, seq] of position) record.position.set(epoch, seq)
    // In a small log the position of an entry may be past a later disconnect, which has been evicted before it.
    const { epoch = '', seq = 0 } = (isEvent ? this.#sent.get(data) : undefined) ?? {}
    this.#checkNotPast(client, this.#hasRoom ? position : new Map([[epoch, seq]]))
  }

  /** Without faults and gaps, every client has every event of its streams. */
  checkComplete(client: Client): void {
    const record = this.#recordOf(client)
    const { received } = record
    for (const event of this.#sent.values()) {
      // A client that disconnects before its first block starts again without an id.
      if (isCoveredByGap(record, event)) continue
      const has =
        received.has(event.msg) ||
        this.#duplicates(event).some(
          (duplicate) => received.has(duplicate.msg) || isCoveredByGap(record, duplicate),
        )
      if (client.streams.includes(event.stream) && !has) this.violate(`${client.name} never got ${event.msg}`)
    }
  }

  /** A connection outlives a matching disconnect only if its Pod skipped the disconnect, and sent a gap. */
  checkEnded(client: Client, pod: ReadonlyMap<string, number>): void {
    for (const { msg } of this.#endsBefore(client, pod)) this.violate(`${client.name} outlives ${msg}`)
  }

  /** A connection gets no entry at or after a matching disconnect. */
  #checkNotPast(client: Client, position: ReadonlyMap<string, number>): void {
    for (const { msg } of this.#endsBefore(client, position))
      this.violate(`${client.name} got a block that came after ${msg}`)
  }

  /** Disconnects up to `position` that match the client's open connection. */
  #endsBefore(client: Client, position: ReadonlyMap<string, number>): Sent[] {
    // A disconnect ends connections alone.
    if (client.isLoop) return []
    const record = this.#recordOf(client)
    return this.disconnects.filter(
      (disconnect) =>
        client.streams.includes(disconnect.stream) &&
        disconnect.at > client.connectedAt &&
        (position.get(disconnect.epoch ?? '') ?? 0) >= disconnect.seq &&
        !isCoveredByGap(record, disconnect),
    )
  }

  /** Checks a connection that its Pod closed and its client read to the end: it has every event before the disconnect. */
  ended(client: Client, incarnation: Incarnation): void {
    if (!this.#hasRoom || incarnation.epoch === undefined || incarnation.sser.state !== 'ready') return
    const record = this.#recordOf(client)
    if (!record.promises.eventsBeforeDisconnect) return
    const ends = this.disconnects.filter(
      ({ epoch = '', seq, stream }) =>
        client.streams.includes(stream) && seq > (record.atConnect.get(epoch) ?? 0),
    )
    const own = ends.find(({ epoch }) => epoch === incarnation.epoch)
    if (own?.epoch === undefined) return
    // A disconnect of another Pod may precede later events of this Pod in the log, but not its earlier ones.
    const others = ends.filter(({ epoch }) => epoch !== incarnation.epoch).map(({ at }) => at)
    const before = Math.min(...others)
    for (const { msg, seq, at } of this.#missing(client, record, own.epoch, own.seq)) {
      if (seq > (record.atConnect.get(own.epoch) ?? 0) && at < before)
        this.violate(`${client.name} did not get ${msg}, which came before ${own.msg}`)
    }
  }

  /** Whether a gap of the client may stand for an event that was sent at `at`, and evicted. */
  gapCovers(client: Client, at: number): boolean {
    return !this.#hasRoom && at <= this.#recordOf(client).gapAt
  }

  /** Position of the client's id. */
  positionOf(client: Client): ReadonlyMap<string, number> {
    return this.#recordOf(client).position
  }

  #take(client: Client, record: ClientRecord, msg: string): void {
    const sent = this.#sent.get(msg)
    if (sent === undefined) return this.violate(`${client.name} got ${msg}, which was never sent`)
    if (!client.streams.includes(sent.stream))
      this.violate(`${client.name} got ${msg} of stream ${sent.stream}`)
    if (record.received.has(msg)) this.violate(`${client.name} got ${msg} twice`)
    record.received.add(msg)
    const isRemembered = ({ at }: Sent) => this.#hasRoom && this.#time.now - at < this.#ageMs
    if (
      this.#duplicates(sent).some((duplicate) => record.current.has(duplicate.msg) && isRemembered(duplicate))
    ) {
      this.violate(`${client.name} got ${msg} although it had a duplicate`)
    }
    record.current.add(msg)
    if (sent.epoch === undefined) return
    if (sent.seq <= (record.lastSeq.get(sent.epoch) ?? 0))
      this.violate(`${client.name} got ${msg} out of order`)
    record.lastSeq.set(sent.epoch, sent.seq)
  }

  #gap(client: Client, record: ClientRecord, position: ReadonlyMap<string, number>): void {
    this.gaps += 1
    if (this.#isFair && !client.streams.includes('busy'))
      this.violate(`${client.name} of quiet streams got a gap`)
    let isMissing = false
    for (const [epoch, seq] of position) {
      if (this.#missing(client, record, epoch, seq).length > 0) isMissing = true
      record.coveredByGap.set(epoch, Math.max(seq, record.coveredByGap.get(epoch) ?? 0))
    }
    record.gapAt = this.#time.now
    if (!isMissing) this.falseGaps += 1
  }

  #checkClaims(client: Client, record: ClientRecord, position: ReadonlyMap<string, number>): void {
    for (const [epoch, seq] of position) {
      // The events up to its id before were checked with that id.
      const before = record.position.get(epoch) ?? 0
      if (seq <= before) continue
      for (const { msg } of this.#missing(client, record, epoch, seq, before)) {
        this.violate(`${client.name}: id claims ${msg} (${epoch} up to ${seq}), which it never got`)
        record.received.add(msg)
      }
    }
  }

  /** Events of its streams after `after` and up to `seq` that it did not receive, and that no gap covers. */
  #missing(client: Client, record: ClientRecord, epoch: string, seq: number, after = 0): Sent[] {
    const events = this.#epochs.get(epoch) ?? []
    const from = firstAfter(events, Math.max(after, record.coveredByGap.get(epoch) ?? 0))
    return events.slice(from, firstAfter(events, seq)).filter(
      (event) =>
        client.streams.includes(event.stream) &&
        !record.received.has(event.msg) &&
        // The gap of an evicted event comes before it, and may have a lower id.
        (this.#hasRoom || event.at > record.gapAt) &&
        !this.#duplicates(event).some(
          (duplicate) => record.received.has(duplicate.msg) || isCoveredByGap(record, duplicate),
        ),
    )
  }

  #duplicates({ key }: Sent): readonly Sent[] {
    return key === undefined ? [] : (this.#keys.get(key) ?? [])
  }

  #recordOf(client: Client): ClientRecord {
    let record = this.#records.get(client)
    if (record === undefined) {
      record = new ClientRecord()
      this.#records.set(client, record)
    }
    return record
  }
}

/** Index of the first event after `seq`, of events in the order of their seqs. */
function firstAfter(events: readonly Sent[], seq: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((events[middle] as Sent).seq <= seq) low = middle + 1
    else high = middle
  }
  return low
}
