import type { EventSourceMessage } from 'eventsource-parser'
import type { Client } from './client.ts'
import type { Plan } from './plan.ts'
import type { Incarnation } from './pod.ts'
import type { Time } from './time.ts'

/** An event that was really sent. */
export interface Sent {
  msg: string
  stream: string
  /** Undefined: a Go Pod's. */
  epoch: string | undefined
  seq: number
  at: number
  key: string | undefined
}

/** What one client was given and told. */
class Account {
  readonly received = new Set<string>()
  readonly position = new Map<string, number>()
  /** Where the last gap put the client, in each epoch: what it lacks up to there, it was told. */
  told = new Map<string, number>()
  /** Where its Pod stood when the open connection's request was answered. */
  atConnect: ReadonlyMap<string, number> = new Map()
  readonly lastSeq = new Map<string, number>()
  /** What came over the connection that is open now. */
  current = new Set<string>()
  isNew = true
  heardAt = 0
  /** When the first block of the open connection came. */
  resumedAt = 0
  isWaiting = true
}

/** The checker: it knows all that was sent, hears all that clients hear, and never looks inside a Pod. */
export class Truth {
  readonly violations: string[] = []
  readonly story: string[] = []
  gaps = 0
  falseGaps = 0
  maxIdLength = 0
  /** Those of clients of a stream, in the order of the logs that events are in. */
  readonly disconnects: Sent[] = []
  /** Events of Go Pods, by the incarnation of the Pod that got them. */
  readonly v1 = new Map<Incarnation, Sent[]>()
  readonly #time: Time
  readonly #hasRoom: boolean
  readonly #ageMs: number
  readonly #died = new Map<string, number>()
  readonly #sent = new Map<string, Sent>()
  readonly #epochs = new Map<string, Sent[]>()
  readonly #keys = new Map<string, Sent[]>()
  readonly #accounts = new Map<Client, Account>()

  constructor(time: Time, plan: Plan) {
    this.#time = time
    this.#hasRoom = plan.mood !== 'tiny'
    this.#ageMs = plan.ageMs
  }

  get sent(): Iterable<Sent> {
    return this.#sent.values()
  }

  tell(what: string): void {
    this.story.push(`${String(Math.round(this.#time.now)).padStart(7)}  ${what}`)
  }

  violate(what: string): void {
    this.violations.push(what)
    this.tell(`VIOLATION: ${what}`)
  }

  send(event: Sent): void {
    this.#sent.set(event.msg, event)
    if (event.epoch === undefined) return
    const events = this.#epochs.get(event.epoch)
    if (events === undefined) this.#epochs.set(event.epoch, [event])
    else events.push(event)
    if (event.key !== undefined) this.#keys.set(event.key, [...(this.#keys.get(event.key) ?? []), event])
  }

  /** The incarnation under this epoch has ended. */
  died(epoch: string): void {
    if (!this.#died.has(epoch)) this.#died.set(epoch, this.#time.now)
  }

  connected(client: Client, incarnation: Incarnation, resume: string | null): void {
    this.tell(
      `${client.name} ← ${incarnation.address} with ${client.lastEventId || 'no id'}${resume === null ? '' : `: ${resume}`}`,
    )
    const account = this.#account(client)
    account.current = new Set()
    account.isWaiting = true
    account.atConnect = readId(incarnation.sser.position)
    // A new client has a right to all that comes after its request was answered.
    if (account.isNew) account.told = new Map(account.atConnect)
    if (account.heardAt > 0 && client.lastEventId === '') {
      this.violate(`${client.name} comes back without an id, though it got a block`)
    }
    if (resume !== 'complete') return
    for (const event of this.v1.get(incarnation) ?? []) {
      // What comes in this very instant may still be delivered to the new connection.
      const isPast = event.at > account.heardAt && event.at < this.#time.now
      const isMissed = isPast && !account.received.has(event.msg)
      if (isMissed && client.streams.includes(event.stream))
        this.violate(`${client.name} lost ${event.msg} of a Go Pod untold`)
    }
  }

  /** The client lost its id: what it got before may come again, and everything may be missing. */
  forgets(client: Client): void {
    this.#accounts.set(client, new Account())
  }

  received(client: Client, { id, event, data }: Pick<EventSourceMessage, 'id' | 'event' | 'data'>): void {
    // It ends a response, and says nothing of the client's position.
    if (event === 'sser-retry') return
    const account = this.#account(client)
    account.heardAt = this.#time.now
    if (account.isWaiting) account.resumedAt = this.#time.now
    account.isWaiting = false
    const isEvent = !event?.startsWith('sser-')
    this.tell(`${client.name} got ${isEvent ? data : `${event} ${data}`} at ${id ?? 'no id'}`)
    if (isEvent) this.#take(client, account, data)
    if (id === undefined) return
    this.maxIdLength = Math.max(this.maxIdLength, id.length)
    const position = readId(id)
    for (const [epoch, seq] of position) {
      const diedAt = this.#died.get(epoch)
      // Forgotten by the Pods after 3.5 ages at most; a client that comes back with it carries it for 2.5 more.
      const carriedFrom = Math.max((diedAt ?? 0) + 3.5 * this.#ageMs, account.resumedAt)
      if (diedAt !== undefined && this.#time.now - carriedFrom > 3 * this.#ageMs) {
        this.violate(`${client.name}: id holds ${epoch}, which ended long ago`)
      }
      const before = account.position.get(epoch) ?? 0
      if (seq < before) this.violate(`${client.name}: id goes back in ${epoch} from ${before} to ${seq}`)
    }
    if (event === 'sser-gap') this.#gap(client, account, position)
    else this.#checkClaims(client, account, position)
    account.isNew = false
    for (const [epoch, seq] of position) account.position.set(epoch, seq)
    this.#checkNotPast(client, position)
  }

  /** Where nothing failed and nobody was told of a gap, everybody has everything. */
  checkComplete(client: Client): void {
    const account = this.#account(client)
    const { received } = account
    for (const event of this.#sent.values()) {
      // A client that leaves before its first block begins anew, without an id.
      if (isTold(account, event)) continue
      const has =
        received.has(event.msg) || this.#duplicates(event).some((duplicate) => received.has(duplicate.msg))
      if (client.streams.includes(event.stream) && !has) this.violate(`${client.name} never got ${event.msg}`)
    }
  }

  /** A connection outlives a disconnect only where its Pod jumped over that, and told a gap. */
  checkEnded(client: Client, pod: ReadonlyMap<string, number>): void {
    for (const { msg } of this.#endsBefore(client, pod)) this.violate(`${client.name} outlives ${msg}`)
  }

  /** A connection is sent nothing from a disconnect of its client on, because the log ends there for it. */
  #checkNotPast(client: Client, position: ReadonlyMap<string, number>): void {
    for (const { msg } of this.#endsBefore(client, position))
      this.violate(`${client.name} got a block that came after ${msg}`)
  }

  /** Disconnects up to `position` that end the client's open connection. */
  #endsBefore(client: Client, position: ReadonlyMap<string, number>): Sent[] {
    const account = this.#account(client)
    return this.disconnects.filter(
      (disconnect) =>
        client.streams.includes(disconnect.stream) &&
        disconnect.at > client.connectedAt &&
        (position.get(disconnect.epoch ?? '') ?? 0) >= disconnect.seq &&
        !isTold(account, disconnect),
    )
  }

  /** A connection that its Pod has closed, and that its client read to the end: it got what came before a disconnect. */
  ended(client: Client, incarnation: Incarnation): void {
    if (!this.#hasRoom || incarnation.epoch === undefined || incarnation.sser.state !== 'ready') return
    const account = this.#account(client)
    const ends = this.disconnects.filter(
      ({ epoch = '', seq, stream }) =>
        client.streams.includes(stream) && seq > (account.atConnect.get(epoch) ?? 0),
    )
    const own = ends.find(({ epoch }) => epoch === incarnation.epoch)
    if (own?.epoch === undefined) return
    // Another Pod's may stand before what this Pod sent later; what it sent before then stands before both.
    const others = ends.filter(({ epoch }) => epoch !== incarnation.epoch).map(({ at }) => at)
    const before = Math.min(...others)
    for (const { msg, seq, at } of this.#missing(client, account, own.epoch, own.seq)) {
      if (seq > (account.atConnect.get(own.epoch) ?? 0) && at < before)
        this.violate(`${client.name} did not get ${msg}, which came before ${own.msg}`)
    }
  }

  /** What the client's id says that it has. */
  positionOf(client: Client): ReadonlyMap<string, number> {
    return this.#account(client).position
  }

  #take(client: Client, account: Account, msg: string): void {
    const sent = this.#sent.get(msg)
    if (sent === undefined) return this.violate(`${client.name} got ${msg}, which nobody sent`)
    if (!client.streams.includes(sent.stream))
      this.violate(`${client.name} got ${msg} of stream ${sent.stream}`)
    if (account.received.has(msg)) this.violate(`${client.name} got ${msg} twice`)
    account.received.add(msg)
    const isRemembered = ({ at }: Sent) => this.#hasRoom && this.#time.now - at < this.#ageMs
    if (
      this.#duplicates(sent).some(
        (duplicate) => account.current.has(duplicate.msg) && isRemembered(duplicate),
      )
    ) {
      this.violate(`${client.name} got ${msg} under a key that it had`)
    }
    account.current.add(msg)
    if (sent.epoch === undefined) return
    if (sent.seq <= (account.lastSeq.get(sent.epoch) ?? 0))
      this.violate(`${client.name} got ${msg} out of order`)
    account.lastSeq.set(sent.epoch, sent.seq)
  }

  #gap(client: Client, account: Account, position: ReadonlyMap<string, number>): void {
    this.gaps += 1
    let isMissing = false
    for (const [epoch, seq] of position) {
      if (this.#missing(client, account, epoch, seq).length > 0) isMissing = true
      account.told.set(epoch, Math.max(seq, account.told.get(epoch) ?? 0))
    }
    if (!isMissing) this.falseGaps += 1
  }

  #checkClaims(client: Client, account: Account, position: ReadonlyMap<string, number>): void {
    for (const [epoch, seq] of position) {
      if (seq <= (account.position.get(epoch) ?? 0)) continue
      for (const { msg } of this.#missing(client, account, epoch, seq)) {
        this.violate(`${client.name}: id claims ${msg} (${epoch} up to ${seq}), which it never got`)
        account.received.add(msg)
      }
    }
  }

  /** Events of its streams up to `seq` that it neither got nor was told to lack. */
  #missing(client: Client, account: Account, epoch: string, seq: number): Sent[] {
    const told = account.told.get(epoch) ?? 0
    return (this.#epochs.get(epoch) ?? []).filter(
      (event) =>
        event.seq > told &&
        event.seq <= seq &&
        client.streams.includes(event.stream) &&
        !account.received.has(event.msg) &&
        !this.#duplicates(event).some(
          (duplicate) => account.received.has(duplicate.msg) || isTold(account, duplicate),
        ),
    )
  }

  #duplicates({ key }: Sent): readonly Sent[] {
    return key === undefined ? [] : (this.#keys.get(key) ?? [])
  }

  #account(client: Client): Account {
    let account = this.#accounts.get(client)
    if (account === undefined) {
      account = new Account()
      this.#accounts.set(client, account)
    }
    return account
  }
}

function isTold(account: Account, { epoch, seq }: Sent): boolean {
  return epoch !== undefined && seq <= (account.told.get(epoch) ?? 0)
}

/** An id, read without the code under test. */
export function readId(id: string): Map<string, number> {
  const position = new Map<string, number>()
  for (const part of id.slice(0, id.lastIndexOf('-')).split('.')) {
    if (part === '') continue
    position.set(part.slice(0, 5), Number.parseInt(part.slice(5).split('~')[0] as string, 36))
  }
  return position
}
