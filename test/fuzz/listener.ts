import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { prepareConnection } from '../../src/admission/admit.ts'
import type { Connection, Sink } from '../../src/delivery/connection.ts'
import type { Incarnation } from '../../src/instance/incarnation.ts'
import { parsePosition } from '../../src/wire/position.ts'
import { asReceived } from '../support/messages.ts'

/** The event types that the server sends of its own. */
const OWN = ['sser-position', 'sser-gap', 'sser-retry']

/** DeliveryCounts of an event that may reach a client. */
export interface Sent {
  stream: string
  msg: string
  event?: string | undefined
}

/** Events that clients may receive: any other is forged. */
export class Ledger {
  readonly #sent = new Set<string>()

  add({ stream, msg, event }: Sent): void {
    this.#sent.add(JSON.stringify([stream, asReceived(msg), event?.toWellFormed()]))
  }

  has(streams: readonly string[], { data, event }: EventSourceMessage): boolean {
    return streams.some((stream) => this.#sent.has(JSON.stringify([stream, data, event])))
  }
}

/** A client of one connection: `eventsource-parser` parses the bytes that it receives. */
export class Listener implements Sink {
  readonly events: EventSourceMessage[] = []
  /** Error of the parser. */
  fault: string | undefined
  lastEventId = ''
  readonly #streams: readonly string[]
  readonly #incarnation: Incarnation
  readonly #isSlow: boolean
  readonly #connection: Connection
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #parser = createParser({
    onEvent: (event) => this.#hear(event),
    onError: (error) => {
      this.fault ??= `no event stream: ${error.message}`
    },
    onComment: (comment) => {
      if (comment !== '') this.fault ??= `a comment: ${comment}`
    },
  })

  /** One that is slow asks for the next chunk only when {@link pull} says so. */
  constructor(
    incarnation: Incarnation,
    streams: readonly string[],
    options: { id?: string | undefined; isSlow?: boolean } = {},
  ) {
    this.#streams = streams
    this.#incarnation = incarnation
    this.#isSlow = options.isSlow === true
    this.#connection = prepareConnection(incarnation, streams, { lastEventId: options.id }).connect(this)
    incarnation.hub.add(this.#connection)
    this.pull()
  }

  pull(): void {
    this.#incarnation.hub.pull(this.#connection)
  }

  leave(): void {
    this.#incarnation.hub.remove(this.#connection)
  }

  write(chunk: Uint8Array): boolean {
    this.#parser.feed(this.#decoder.decode(chunk, { stream: true }))
    return !this.#isSlow
  }

  close(): void {}

  abort(): void {}

  /** The fault of the events that it received. */
  wrong(ledger: Ledger): string | undefined {
    if (this.fault !== undefined) return this.fault
    const forged = this.events.find(
      (event) => !event.event?.startsWith('sser-') && !ledger.has(this.#streams, event),
    )
    return forged === undefined ? undefined : `forged: ${JSON.stringify(forged)}`
  }

  #hear(event: EventSourceMessage): void {
    this.events.push(event)
    const { id } = event
    if (event.event?.startsWith('sser-') && !OWN.includes(event.event))
      this.fault ??= `forged: ${event.event}`
    if (id === undefined) return
    if (id !== '') this.#advance(id)
    this.lastEventId = id
  }

  /** Of an epoch that an id and the next one both name, the seq never goes back. */
  #advance(id: string): void {
    const claims = parsePosition(id, Number.POSITIVE_INFINITY)
    if (claims === undefined) {
      this.fault ??= `an id that is none: ${id}`
      return
    }
    const before = parsePosition(this.lastEventId, Number.POSITIVE_INFINITY)
    for (const [epoch, { seq }] of claims) {
      if (seq < (before?.get(epoch)?.seq ?? 0))
        this.fault ??= `an id that goes back: ${this.lastEventId}, ${id}`
    }
  }
}
