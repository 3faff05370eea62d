import { Sser, StaticPeerFinder } from '../../src/index.ts'
import type { Network } from './network.ts'
import type { Plan } from './plan.ts'
import type { Random } from './random.ts'
import type { Time } from './time.ts'
import type { Truth } from './truth.ts'

/** One replica: a name and an address that stay, and one incarnation after another of the real code. */
export class Pod {
  readonly address: string
  incarnation: Incarnation | undefined
  #isWanted = false
  readonly #world: { time: Time; network: Network; random: Random; truth: Truth; plan: Plan }

  constructor(
    index: number,
    world: { time: Time; network: Network; random: Random; truth: Truth; plan: Plan },
  ) {
    this.address = `pod${index}`
    this.#world = world
  }

  get isReady(): boolean {
    return this.incarnation?.sser.isReady === true && !this.incarnation.wasPaused
  }

  /** A Pod that drains is not ready, and yet loses nothing that it is sent. */
  get takesSends(): boolean {
    return this.isReady || (this.incarnation?.sser.state === 'draining' && !this.incarnation.wasPaused)
  }

  start(): void {
    // One that still drains starts anew when it is done.
    this.#isWanted = true
    if (this.incarnation !== undefined) return
    const { plan } = this.#world
    const addresses = Array.from({ length: plan.pods }, (_, i) => `pod${i}`)
    this.incarnation = new Incarnation(this.address, addresses, this.#world)
    this.#world.network.attach(this.incarnation)
    void this.incarnation.sser.start().catch(() => {})
  }

  /** Nothing of it is left from one instant to the next. */
  crash(): void {
    this.#isWanted = false
    this.incarnation?.die()
    this.incarnation = undefined
  }

  /** It hands over what it has, and leaves. */
  async stop(): Promise<void> {
    const incarnation = this.incarnation
    this.#isWanted = false
    if (incarnation === undefined) return
    await incarnation.sser.stop()
    incarnation.die()
    if (this.incarnation === incarnation) this.incarnation = undefined
    if (this.#isWanted) this.start()
  }
}

/** One incarnation of one Pod, on a clock of its own that is off by some seconds. */
export class Incarnation {
  readonly address: string
  readonly sser: Sser
  /** Known once it sent something. */
  epoch: string | undefined
  readonly #truth: Truth
  readonly #time: Time
  #isDead = false
  #frozenUntil = -5

  constructor(
    address: string,
    addresses: readonly string[],
    {
      time,
      network,
      random,
      truth,
      plan,
    }: { time: Time; network: Network; random: Random; truth: Truth; plan: Plan },
  ) {
    this.address = address
    this.#time = time
    this.#truth = truth
    const offset = random.int(0, 10_000)
    this.sser = new Sser({
      logger: false,
      peerFinder: new StaticPeerFinder(addresses),
      logMaxAgeMs: plan.ageMs,
      logMaxBytes: plan.logBytes,
      heartbeatMs: plan.heartbeatMs,
      requestTimeoutMs: 1_000,
      initialSyncTimeoutMs: 3_000,
      drainTimeoutMs: random.pick([0, 300]),
      flushTimeoutMs: 5_000,
      fetch: network.fetchFrom(this),
      clock: {
        now: () => time.now + offset,
        random: () => random.next(),
        after: (ms, callback) => time.after(ms, () => this.#run(callback)),
      },
      onError: (error, context) => truth.tell(`${address} ${context.stage}: ${(error as Error).message}`),
    })
  }

  /** It stands still, or has moved for so short a time that its own late timers may not have run. */
  get wasPaused(): boolean {
    return this.#frozenUntil + 5 > this.#time.now
  }

  isUp(): boolean {
    return !this.#isDead
  }

  frozenUntil(): number {
    return this.#frozenUntil
  }

  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#time.now + ms)
    this.epoch = undefined
  }

  die(): void {
    this.#isDead = true
    if (this.epoch !== undefined) this.#truth.died(this.epoch)
  }

  serve(request: Request): Response | Promise<Response> {
    return this.sser.internalRoutes.fetch(request)
  }

  #run(callback: () => void): void {
    if (this.#isDead) return
    // Where it stood still, what was due comes late.
    const waitMs = this.#frozenUntil - this.#time.now
    if (waitMs > 0) this.#time.after(waitMs, () => this.#run(callback))
    else callback()
  }
}
