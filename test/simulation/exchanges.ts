import {
  type Exchange,
  type ExchangeHandler,
  type OpenExchange,
  PeerStatusError,
} from '../../src/transport/peer-transport.ts'
import type { Endpoint, FaultRates } from './network.ts'
import type { Random } from './random.ts'
import type { Time } from './time.ts'

export interface ExchangesOptions {
  time: Time
  random: Random
  /** Maximum delay of a message. */
  lateMs: number
  /** Maximum delay of a rare message: every later one of its direction waits behind it. */
  stallMs: number
  faults(): FaultRates
  isCut(from: string, to: string): boolean
  endpoint(address: string): Endpoint | undefined
}

interface DirectionOptions extends ExchangesOptions {
  /** Called for each message that arrives. */
  onMessage(): void
}

/** Share of the messages that end an exchange while messages are lost: TCP repeats the others. */
const BREAKS = 0.3
/** Pairs of Pods with a proxy between them that buffers bodies. */
const BUFFERED = 0.05

/**
 * Exchanges on virtual time, as TCP carries them: each direction is in order, loses no text but its last ones, stalls
 * while the network is cut, and may end for one side without the other one hearing of it.
 */
export class Exchanges {
  /** Number of exchanges that were opened, and of their messages. */
  opened = 0
  messages = 0
  readonly #options: DirectionOptions
  readonly #connections = new Set<Connection>()
  readonly #buffered = new Map<string, boolean>()

  constructor(options: ExchangesOptions) {
    this.#options = {
      ...options,
      onMessage: () => {
        this.messages += 1
      },
    }
  }

  /** The `openExchange` of one incarnation of one Pod. */
  openFrom(source: Endpoint): OpenExchange {
    const { time, random, faults, isCut, endpoint } = this.#options
    return ({ host, signal }, handler) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        const address = host.slice(0, host.indexOf(':'))
        const fail = (error: Error) => time.after(random.int(1, 8), () => source.isUp() && reject(error))
        if (isCut(source.address, address) || this.#isBuffered(source.address, address)) return
        if (random.chance(faults().dropRequest)) {
          if (random.chance(0.5)) fail(new TypeError('fetch failed'))
          return
        }
        time.after(random.int(1, 8), () => {
          const target = endpoint(address)
          if (target === undefined || !target.isUp()) fail(new TypeError('fetch failed'))
          else if (target.pausedUntil() <= time.now) {
            const connection = new Connection(this.#options, source, target)
            connection.back.receiver = handler
            const status = this.#accept(connection, target)
            if (status !== 200) {
              fail(new PeerStatusError(status))
              return
            }
            connection.back.open(() => {
              if (signal.aborted) connection.forth.abort(signal.reason)
              else resolve(connection.forth)
            })
          }
        })
      })
  }

  /** The status of the response to the request that opens the exchange. */
  #accept(connection: Connection, target: Endpoint): number {
    try {
      const receiver = target.accept(connection.back)
      if (receiver === undefined) return 404
      connection.forth.receiver = receiver
    } catch {
      return 503
    }
    this.#connections.add(connection)
    this.opened += 1
    connection.onOver = () => this.#connections.delete(connection)
    return 200
  }

  /** A process has ended: its kernel resets the connections, unless its machine is gone, too. */
  died(endpoint: Endpoint): void {
    const isSilent = this.#options.random.chance(0.3)
    for (const connection of this.#connections) connection.died(endpoint, isSilent)
  }

  #isBuffered(from: string, to: string): boolean {
    const pair = `${from}>${to}`
    const known = this.#buffered.get(pair) ?? this.#options.random.chance(BUFFERED)
    this.#buffered.set(pair, known)
    return known
  }
}

/** One connection: the direction of the Pod that opened it, and that of the other one. */
class Connection {
  readonly forth: Direction
  readonly back: Direction
  onOver = () => {}

  constructor(options: DirectionOptions, source: Endpoint, target: Endpoint) {
    this.forth = new Direction(options, source, target, this)
    this.back = new Direction(options, target, source, this)
  }

  /** The other direction: `direction`'s sender is its receiver. */
  opposite(direction: Direction): Direction {
    return direction === this.forth ? this.back : this.forth
  }

  died(endpoint: Endpoint, isSilent: boolean): void {
    for (const direction of [this.forth, this.back]) {
      if (direction.from === endpoint && !isSilent) direction.reset(new TypeError('the peer has gone'))
    }
  }
}

interface Item {
  readyAt: number
  deliver: (receiver: ExchangeHandler) => void
}

/** The way from one Pod to another; as an {@link Exchange} it is what the first one holds. */
class Direction implements Exchange {
  readonly bufferedBytes = 0
  readonly from: Endpoint
  readonly to: Endpoint
  receiver: ExchangeHandler | undefined
  readonly #options: DirectionOptions
  readonly #connection: Connection
  readonly #items: Item[] = []
  #isClosed = false
  #isLost = false
  #isPumping = false
  /** True after the receiver was told of the end. */
  #isOver = false

  constructor(options: DirectionOptions, from: Endpoint, to: Endpoint, connection: Connection) {
    this.#options = options
    this.from = from
    this.to = to
    this.#connection = connection
  }

  /** Brings the head of the response. */
  open(resolve: () => void): void {
    this.#items.unshift({ readyAt: this.#arrival(), deliver: resolve })
    this.#pump()
  }

  send(text: string): void {
    const { random, faults } = this.#options
    if (this.#isClosed || this.#isLost) return
    if (random.chance(faults().dropRequest * BREAKS)) return this.#break()
    this.#add((receiver) => {
      this.#options.onMessage()
      receiver.onMessage(text)
    })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#add((receiver) => {
      this.#end()
      receiver.onClose()
    })
  }

  abort(reason: unknown): void {
    const opposite = this.#connection.opposite(this)
    this.reset(new TypeError('the peer has reset the connection'))
    opposite.#tell(reason)
  }

  /** The sender's kernel has reset the connection: the receiver gets no text that has not arrived. */
  reset(error: unknown): void {
    if (this.#isLost) return
    this.#isClosed = true
    this.#isLost = true
    this.#items.length = 0
    this.#add(() => this.#tell(error))
  }

  /** Loses the texts from here on. Each side may hear of it, or not. */
  #break(): void {
    const { random, time } = this.#options
    this.#isLost = true
    const opposite = this.#connection.opposite(this)
    for (const direction of [this, opposite]) {
      if (random.chance(0.4)) continue
      time.after(random.int(1, 3_000), () => {
        direction.#isLost = true
        if (direction.to.isUp()) direction.#tell(new TypeError('connection reset'))
      })
    }
  }

  #tell(error: unknown): void {
    const { receiver } = this
    if (this.#isOver || receiver === undefined) return
    this.#items.length = 0
    this.#end()
    receiver.onClose(error)
  }

  #end(): void {
    this.#isOver = true
    if (this.#connection.opposite(this).#isOver) this.#connection.onOver()
  }

  #add(deliver: (receiver: ExchangeHandler) => void): void {
    this.#items.push({ readyAt: this.#arrival(), deliver })
    this.#pump()
  }

  #arrival(): number {
    const { time, random, lateMs, stallMs, faults } = this.#options
    if (!random.chance(faults().delay)) return time.now + random.int(1, 8)
    return time.now + random.int(50, random.chance(0.1) ? stallMs : lateMs)
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    this.#next()
  }

  #next(): void {
    const { time, isCut } = this.#options
    const [item] = this.#items
    if (item === undefined) {
      this.#isPumping = false
      return
    }
    const waitMs = Math.max(item.readyAt, this.to.pausedUntil() + 1) - time.now
    if (waitMs > 0) return void time.after(waitMs, () => this.#next())
    if (isCut(this.from.address, this.to.address)) return void time.after(20, () => this.#next())
    this.#items.shift()
    if (this.to.isUp() && !this.#isOver) item.deliver(this.receiver as ExchangeHandler)
    time.after(0, () => this.#next())
  }
}
