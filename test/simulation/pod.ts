import { Sser } from '../../src/index.ts'
import type { Exchange, ExchangeHandler } from '../../src/transport/peer-transport.ts'
import type { Network } from './network.ts'
import type { Oracle } from './oracle.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'
import type { Time } from './time.ts'
import { acceptExchange, createSser, type SimulatedSser, type Version } from './version.ts'

/** One replica: a constant name and address, and one incarnation after another of the real code. */
export class Pod {
  readonly address: string
  incarnation: Incarnation | undefined
  /** Version of its next incarnation. */
  version: Version
  #isWanted = false
  readonly #fixture: { time: Time; network: Network; random: Random; oracle: Oracle; plan: Plan }

  constructor(
    index: number,
    fixture: { time: Time; network: Network; random: Random; oracle: Oracle; plan: Plan },
  ) {
    this.address = `pod${index}`
    this.version = fixture.plan.versions[index] as Version
    this.#fixture = fixture
  }

  get isReady(): boolean {
    return this.incarnation?.sser.isReady === true && !this.incarnation.wasPaused
  }

  /** A draining Pod is not ready, but still delivers the events that it accepts. */
  get takesSends(): boolean {
    return this.isReady || (this.incarnation?.sser.state === 'draining' && !this.incarnation.wasPaused)
  }

  start(version = this.version): void {
    this.version = version
    // A Pod that is draining starts again when the drain has ended.
    this.#isWanted = true
    if (this.incarnation !== undefined) return
    const { plan } = this.#fixture
    const addresses = Array.from({ length: plan.pods }, (_, i) => `pod${i}`)
    this.incarnation = new Incarnation(this.address, this.version, addresses, this.#fixture)
    this.#fixture.network.attach(this.incarnation)
    void this.incarnation.sser.start().catch(() => {})
  }

  /** Ends the process at once, without a drain. */
  crash(): void {
    this.#isWanted = false
    const { incarnation } = this
    this.incarnation = undefined
    if (incarnation === undefined) return
    incarnation.die()
    this.#fixture.network.exchanges.died(incarnation)
  }

  /** Stops gracefully: it hands its events to the peers first. */
  async stop(): Promise<void> {
    const incarnation = this.incarnation
    this.#isWanted = false
    if (incarnation === undefined) return
    await incarnation.sser.stop()
    incarnation.die()
    this.#fixture.network.exchanges.died(incarnation)
    if (this.incarnation === incarnation) this.incarnation = undefined
    if (this.#isWanted) this.start()
  }
}

/** One incarnation of one Pod, on a clock of its own that is off by some seconds. */
export class Incarnation {
  readonly address: string
  readonly version: Version
  readonly sser: SimulatedSser
  /** The same instance; undefined where it is one of an earlier version. */
  readonly current: Sser | undefined
  /** The same instance; undefined without runs, or where its version knows none. */
  readonly runs: Sser | undefined
  /** Known after its first send. */
  epoch: string | undefined
  readonly #oracle: Oracle
  readonly #time: Time
  /** False: as a Pod of a version without exchanges. */
  readonly #hasExchanges: boolean
  readonly #onDeath: (() => void)[] = []
  #isDead = false
  #pausedUntil = -5

  constructor(
    address: string,
    version: Version,
    addresses: readonly string[],
    {
      time,
      network,
      random,
      oracle,
      plan,
    }: { time: Time; network: Network; random: Random; oracle: Oracle; plan: Plan },
  ) {
    this.address = address
    this.version = version
    this.#time = time
    this.#oracle = oracle
    const offset = random.int(0, 10_000)
    this.#hasExchanges = version !== 'db8a1ce' && random.chance(0.85)
    this.sser = createSser(version, {
      addresses,
      logMaxAgeMs: plan.ageMs,
      logMaxBytes: plan.logBytes,
      heartbeatMs: plan.heartbeatMs,
      requestTimeoutMs: 1_000,
      initialSyncTimeoutMs: 3_000,
      drainTimeoutMs: random.pick([0, 300]),
      flushTimeoutMs: 5_000,
      peerFetch: network.fetchFrom(this),
      openExchange: this.#hasExchanges ? network.exchanges.openFrom(this) : undefined,
      clock: {
        now: () => time.now + offset,
        random: () => random.next(),
        after: (ms, callback) => time.after(ms, () => this.#run(callback)),
      },
      onError: (error, context) => oracle.log(`${address} ${context.stage}: ${(error as Error).message}`),
      runs: plan.runs?.limits,
    })
    this.current = this.sser instanceof Sser ? this.sser : undefined
    this.runs = plan.runs === undefined ? undefined : this.current
  }

  /** It is paused, or resumed less than 5 ms ago, so that its late timers may not have run. */
  get wasPaused(): boolean {
    return this.#pausedUntil + 5 > this.#time.now
  }

  isUp(): boolean {
    return !this.#isDead
  }

  pausedUntil(): number {
    return this.#pausedUntil
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#time.now + ms)
    this.epoch = undefined
  }

  die(): void {
    this.#isDead = true
    for (const callback of this.#onDeath) callback()
    if (this.epoch !== undefined) this.#oracle.died(this.epoch)
  }

  /** Calls `callback` when the process ends. */
  onDeath(callback: () => void): void {
    this.#onDeath.push(callback)
  }

  serve(request: Request): Response | Promise<Response> {
    return this.sser.internalRoutes.fetch(request)
  }

  accept(exchange: Exchange): ExchangeHandler | undefined {
    return this.#hasExchanges ? acceptExchange(this.sser, exchange) : undefined
  }

  #run(callback: () => void): void {
    if (this.#isDead) return
    // After a pause, the timers that were due run late.
    const waitMs = this.#pausedUntil - this.#time.now
    if (waitMs > 0) this.#time.after(waitMs, () => this.#run(callback))
    else callback()
  }
}
