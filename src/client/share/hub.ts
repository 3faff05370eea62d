import type { Clock } from '../../clock.ts'
import type { Source, SourceItem, SourceOpen } from '../source.ts'
import type { JoinMessage, TabMessage } from './messages.ts'
import type { Port } from './port.ts'
import { covers, idOf, intersection, union, vectorOf } from './vector.ts'

/** A source that can go back to an earlier position. */
export interface SeekableSource extends Source {
  /** Requests `streams` at once, from `position` on. */
  seek(streams: readonly string[], position: string): void
}

/** Most streams of one connection: the server's default of `maxStreamsPerConnection`. */
const MAX_STREAMS = 32
/** The streams of a tab that has left stay for as long, because a tab that reloads asks for them again. */
const LEAVE_MS = 5_000
/** A tab that answers no probe for as many heartbeats is gone. */
const MAX_MISSED_PROBES = 4

export interface HubOptions {
  source: SeekableSource
  clock: Clock
  heartbeatMs: number
  /** Minimum time between two messages to the tabs, in milliseconds. The first one after a pause is sent at once. */
  batchMs: number
}

/**
 * Feeds the tabs from one connection. Each tab has a position of its own. Where one joins that is behind the connection, the
 * connection goes back to what all have, and each tab is sent only the events that it lacks.
 */
export class Hub {
  readonly #source: SeekableSource
  readonly #clock: Clock
  readonly #heartbeatMs: number
  readonly #batchMs: number
  readonly #ports = new Set<Port>()
  /** Ports to flush at the end of this task or of this batch. */
  readonly #dirty = new Set<Port>()
  #flushedAt = 0
  /** Ports that have asked for streams since the last response. */
  readonly #changed = new Set<Port>()
  #requested: readonly string[] = []
  /** Streams of the last response that are still asked for. */
  #covered: ReadonlySet<string> = new Set()
  #isOpen = false
  #position: string | undefined
  #cancelProbes: (() => void) | undefined
  #cancelLeave: (() => void) | undefined

  constructor({ source, clock, heartbeatMs, batchMs }: HubOptions) {
    this.#source = source
    this.#clock = clock
    this.#heartbeatMs = heartbeatMs
    this.#batchMs = batchMs
    source.listen((item) => this.#receive(item))
    this.#cancelProbes = clock.after(heartbeatMs / 2, () => this.#probe())
  }

  /** Handles a message of a tab. */
  receive(port: Port, message: TabMessage): void {
    port.heardAt = this.#clock.now()
    if (message.type === 'join') this.#join(port, message)
    else if (message.type === 'leave') this.leave(port)
    // The hub has given it up meanwhile; it will join anew.
    else if (!this.#ports.has(port)) return
    else if (message.type === 'streams') this.#setStreams(port, message.streams)
    else if (message.type === 'reconnect') this.#source.reconnect()
    else if (message.type === 'ack' && port.acknowledge(message.session, message.count)) {
      port.isBehind = false
      this.#resume(port)
      this.#flushSoon(port)
    }
  }

  /** Ports that have said something, the latest first. */
  get ports(): Port[] {
    return [...this.#ports].sort((one, other) => other.heardAt - one.heardAt)
  }

  leave(port: Port): void {
    this.#changed.delete(port)
    this.#dirty.delete(port)
    if (this.#ports.delete(port)) this.#update()
  }

  close(): void {
    this.#cancelProbes?.()
    this.#cancelLeave?.()
    this.#ports.clear()
    this.#dirty.clear()
    this.#source.close()
  }

  #join(port: Port, { session, streams, position }: JoinMessage): void {
    port.begin(session, position)
    this.#ports.add(port)
    if (!this.#allows(port, streams)) return
    port.add(this.#source.state)
    this.#resume(port)
    this.#flushSoon(port)
  }

  #setStreams(port: Port, streams: readonly string[]): void {
    if (!this.#allows(port, streams)) return
    this.#update()
    this.#open(port)
    this.#flushSoon(port)
  }

  /** Sets the streams of a tab, unless they are too many for one connection. */
  #allows(port: Port, streams: readonly string[]): boolean {
    if (streams.some((stream) => !this.#covered.has(stream))) this.#changed.add(port)
    port.streams = new Set(streams)
    if (this.#wanted().length <= MAX_STREAMS) return true
    this.#expel(port)
    return false
  }

  #expel(port: Port): void {
    port.post({ type: 'own', session: port.session })
    port.streams = new Set()
    this.leave(port)
  }

  /** Begins to send to a port that has a position, or none, from there on. */
  #resume(port: Port): void {
    const mine = vectorOf(port.position)
    const own = vectorOf(this.#position)
    const isCovered = [...port.streams].every((stream) => this.#covered.has(stream))
    if (mine === undefined) this.#update()
    else if (own === undefined && this.#isOpen) this.#update()
    else if (own !== undefined && isCovered && covers(mine, own)) {
      port.floor = mine
      this.#update()
    } else {
      // The connection lacks streams or events of this tab, which may have been sent already.
      if (own !== undefined)
        for (const other of this.#ports)
          if (other !== port && !other.isBehind) other.floor = union(other.floor ?? own, own)
      const target = idOf(own === undefined ? mine : intersection(mine, own))
      port.floor = mine
      this.#isOpen = false
      this.#covered = new Set()
      this.#position = target
      this.#requested = this.#wanted()
      this.#source.seek(this.#requested, target)
    }
    this.#open(port)
  }

  /** Tells a port that its streams arrive. */
  #open(port: Port): void {
    if (!this.#isOpen) return
    const streams = [...port.streams].filter((stream) => this.#covered.has(stream))
    if (streams.length > 0) port.add({ type: 'open', streams, id: this.#position })
  }

  #wanted(): string[] {
    return [...new Set([...this.#ports].flatMap(({ streams }) => [...streams]))].sort()
  }

  /** Adds streams at once, and removes those that no tab asks for a little later. */
  #update(): void {
    this.#cancelLeave?.()
    this.#cancelLeave = undefined
    const wanted = this.#wanted()
    if (wanted.some((stream) => !this.#requested.includes(stream))) this.#request(wanted)
    else if (wanted.length < this.#requested.length)
      this.#cancelLeave = this.#clock.after(LEAVE_MS, () => this.#request(this.#wanted()))
  }

  #request(streams: string[]): void {
    this.#requested = streams
    this.#covered = new Set(streams.filter((stream) => this.#covered.has(stream)))
    if (streams.length === 0) this.#position = undefined
    this.#source.setStreams(streams)
  }

  #receive(item: SourceItem): void {
    if (item.type === 'state') {
      if (item.state !== 'live') this.#isOpen = false
      if (item.state === 'stopped' && item.error?.code === 'refused' && this.#expelChanged()) return
    } else {
      this.#position = item.id ?? this.#position
    }
    if (item.type === 'open') this.#onOpen(item)
    for (const port of this.#ports) {
      if (item.type === 'open') {
        this.#open(port)
      } else if (item.type !== 'event' || port.streams.has(item.stream)) port.add(item)
      this.#flushSoon(port)
    }
  }

  #onOpen({ streams, id }: SourceOpen): void {
    this.#isOpen = true
    this.#position = id
    this.#changed.clear()
    this.#covered = new Set(streams.filter((stream) => this.#requested.includes(stream)))
  }

  /** The server refuses the streams: the tabs that have changed theirs get their own answer, and the others go on. */
  #expelChanged(): boolean {
    if (this.#changed.size === 0 || this.#changed.size === this.#ports.size) return false
    for (const port of [...this.#changed]) this.#expel(port)
    this.#requested = this.#wanted()
    if (this.#position === undefined) this.#source.setStreams(this.#requested)
    else this.#source.seek(this.#requested, this.#position)
    return true
  }

  #flushSoon(port: Port): void {
    if (this.#dirty.size === 0) this.#scheduleFlush()
    this.#dirty.add(port)
  }

  #scheduleFlush(): void {
    const passedMs = this.#clock.now() - this.#flushedAt
    // A clock that was set back delays nothing.
    if (passedMs < 0 || passedMs >= this.#batchMs) queueMicrotask(() => this.#flush())
    else this.#clock.after(this.#batchMs - passedMs, () => this.#flush())
  }

  #flush(): void {
    this.#flushedAt = this.#clock.now()
    const ports = [...this.#dirty]
    // A listener may change a port while it receives its events.
    this.#dirty.clear()
    for (const port of ports) if (this.#ports.has(port)) port.flush()
  }

  /** Shows each tab that the hub is there, and removes tabs that are not. */
  #probe(): void {
    const now = this.#clock.now()
    for (const port of this.#ports) {
      if (now - port.heardAt > this.#heartbeatMs * MAX_MISSED_PROBES) this.leave(port)
      else port.flush(true)
    }
    this.#cancelProbes = this.#clock.after(this.#heartbeatMs / 2, () => this.#probe())
  }
}
