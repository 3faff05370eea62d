import { Client } from './client.ts'
import { Network, NO_FAULTS } from './network.ts'
import type { Action, Plan } from './plan.ts'
import { type Incarnation, Pod } from './pod.ts'
import { Random } from './random.ts'
import { Time } from './time.ts'
import { readId, Truth } from './truth.ts'

export interface Result {
  violations: readonly string[]
  story: readonly string[]
  events: number
  resumes: number
  gaps: number
  falseGaps: number
  maxIdLength: number
}

/** Runs a plan from its first instant until all is quiet again, and checks every invariant on the way. */
export async function run(plan: Plan): Promise<Result> {
  return new Run(plan).play()
}

class Run {
  readonly #plan: Plan
  readonly #time = new Time()
  readonly #random: Random
  readonly #network: Network
  readonly #truth: Truth
  readonly #pods: readonly Pod[]
  #clients: readonly Client[] = []
  #sent = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#random = new Random(plan.seed)
    this.#network = new Network(this.#time, this.#random, Math.min(4_000, plan.ageMs / 4))
    this.#truth = new Truth(this.#time, plan)
    const world = { time: this.#time, network: this.#network, random: this.#random, truth: this.#truth, plan }
    this.#pods = Array.from({ length: plan.pods }, (_, i) => new Pod(i, world))
  }

  async play(): Promise<Result> {
    const plan = this.#plan
    for (const pod of this.#pods) pod.start()
    await this.#time.run(2_000)
    const world = { pods: this.#pods, time: this.#time, random: this.#random, truth: this.#truth }
    this.#clients = plan.clients.map((streams, i) => new Client(i, streams, world))
    await this.#time.run(2_500)
    for (const action of plan.actions) this.#time.after(action.at, () => this.#do(action))
    await this.#time.run(2_500 + plan.quietAt + 10)
    await this.#settle()
    const isExact = plan.mood === 'ordinary' && this.#truth.gaps === 0
    for (const client of this.#clients) {
      if (isExact) this.#truth.checkComplete(client)
      client.vanish(1e9)
    }
    await this.#time.run(this.#time.now + 100)
    for (const pod of this.#pods) {
      const left = pod.incarnation?.sser.connections ?? 0
      if (left > 0) this.#truth.violate(`${pod.address} holds ${left} connections of clients that are gone`)
    }
    const { violations, story, gaps, falseGaps, maxIdLength } = this.#truth
    const resumes = this.#clients.reduce((sum, client) => sum + client.resumes, 0)
    return { violations, story, events: this.#sent, resumes, gaps, falseGaps, maxIdLength }
  }

  #do(action: Action): void {
    this.#truth.tell(`— ${JSON.stringify(action)}`)
    const pod = 'pod' in action ? (this.#pods[action.pod] as Pod) : undefined
    const client = 'client' in action ? this.#clients[action.client] : undefined
    switch (action.kind) {
      case 'send':
        return this.#send(pod as Pod, action.stream, action.key)
      case 'disconnect':
        return this.#disconnect(pod as Pod, action.stream)
      case 'v1':
        return this.#sendV1(action.stream)
      case 'crash':
        pod?.crash()
        for (const each of this.#clients) each.lose(pod?.address ?? '')
        return
      case 'stop':
        void pod?.stop()
        return
      case 'start':
        return pod?.start()
      case 'freeze':
        return pod?.incarnation?.freeze(action.ms)
      case 'partition':
        return this.#partition(action.from, action.ms, action.isOneWay)
      case 'errors': {
        const { rate } = action
        this.#network.errors = { dropRequest: rate, dropAnswer: rate, duplicate: rate, delay: rate }
        this.#time.after(action.ms, () => {
          this.#network.errors = NO_FAULTS
        })
        return
      }
      case 'stall':
        return client?.stall(action.ms)
      case 'vanish':
        return client?.vanish(action.ms)
      case 'hop':
        return client?.hop()
      case 'foreign':
        if (client === undefined) return
        client.lastEventId = String(this.#random.int(0, 1e6))
        this.#truth.forgets(client)
        return client.hop()
    }
  }

  #send(pod: Pod, stream: string, key: string | undefined): void {
    const { incarnation } = pod
    if (incarnation === undefined || !pod.takesSends) return
    // Where the log is tiny, a message now and then fills it.
    const length = this.#plan.mood === 'tiny' ? this.#random.pick([0, 0, 100, 400]) : 0
    const msg = `e${this.#sent++}${'.'.repeat(length)}`
    const place = this.#append(incarnation, () => incarnation.sser.send(stream, msg, { idempotencyKey: key }))
    if (place !== undefined) this.#truth.send({ msg, stream, ...place, at: this.#time.now, key })
  }

  #disconnect({ incarnation, takesSends }: Pod, stream: string): void {
    if (incarnation === undefined || !takesSends) return
    const place = this.#append(incarnation, () => incarnation.sser.disconnect({ stream }))
    const msg = `the disconnect of ${stream} at ${this.#time.now}`
    if (place !== undefined)
      this.#truth.disconnects.push({ msg, stream, ...place, at: this.#time.now, key: undefined })
  }

  /** Where what `append` appends comes to stand in the incarnation's log. */
  #append(
    incarnation: Incarnation,
    append: () => Promise<unknown>,
  ): { epoch: string; seq: number } | undefined {
    const before = readId(incarnation.sser.position)
    append().catch(() => {})
    for (const [epoch, seq] of readId(incarnation.sser.position)) {
      if (seq === before.get(epoch)) continue
      incarnation.epoch = epoch
      return { epoch, seq }
    }
    return undefined
  }

  #sendV1(stream: string): void {
    const msg = `v${this.#sent++}`
    this.#truth.send({ msg, stream, epoch: undefined, seq: 0, at: this.#time.now, key: undefined })
    for (const { incarnation } of this.#pods) {
      if (incarnation === undefined || incarnation.wasPaused || this.#random.chance(0.2)) continue
      const events = this.#truth.v1.get(incarnation) ?? []
      this.#truth.v1.set(incarnation, [
        ...events,
        { msg, stream, epoch: undefined, seq: 0, at: this.#time.now, key: undefined },
      ])
      const request = new Request('http://pod/api/json/v1/send', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ stream, msg }),
      })
      void incarnation.serve(request)
    }
  }

  #partition(side: readonly number[], ms: number, isOneWay: boolean): void {
    const pairs: [string, string][] = []
    for (const from of this.#pods) {
      for (const to of this.#pods) {
        const isFrom = side.some((i) => this.#pods[i] === from)
        const isTo = side.some((i) => this.#pods[i] === to)
        if (isFrom !== isTo && (isFrom || !isOneWay)) pairs.push([from.address, to.address])
      }
    }
    for (const [from, to] of pairs) this.#network.cut(from, to)
    this.#time.after(ms, () => {
      for (const [from, to] of pairs) this.#network.mend(from, to)
    })
  }

  /** Nothing fails any more: everybody must come to have everything, or be told. */
  async #settle(): Promise<void> {
    this.#network.heal()
    this.#network.errors = NO_FAULTS
    for (const pod of this.#pods) pod.start()
    const { ageMs, heartbeatMs } = this.#plan
    // A drain and then a start, a backoff, two graces: whatever is to be handed on has been.
    const isDraining = this.#pods.some(({ incarnation }) => incarnation?.sser.isReady === false)
    await this.#time.run(this.#time.now + 7_000 + ageMs / 2 + (isDraining ? 9_000 : 0))
    const positions = new Map<string, Map<string, number>>()
    for (const pod of this.#pods) {
      if (!pod.isReady) this.#truth.violate(`${pod.address} is not ready`)
      else
        positions.set(pod.address, readId((pod.incarnation as { sser: { position: string } }).sser.position))
    }
    const latency = 100
    await this.#time.run(this.#time.now + latency)
    this.#checkConvergence(positions)
    await this.#time.run(this.#time.now + heartbeatMs * 2)
    for (const client of this.#clients) this.#checkReached(client, positions)
  }

  /** What one Pod had, all have a moment later. */
  #checkConvergence(before: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    for (const pod of this.#pods) {
      if (!pod.isReady || pod.incarnation === undefined) continue
      const now = readId(pod.incarnation.sser.position)
      for (const { msg, epoch, seq } of [...this.#truth.sent, ...this.#truth.disconnects]) {
        if (epoch === undefined) continue
        const holders = [...before].filter(([, position]) => (position.get(epoch) ?? 0) >= seq)
        // Epochs that ended fall silent at slightly different times on different Pods.
        const isAlive = this.#pods.some(({ incarnation }) => incarnation?.epoch === epoch)
        if (holders.length === before.size || holders.length === 0 || !(isAlive || now.has(epoch))) continue
        if ((now.get(epoch) ?? 0) < seq)
          this.#truth.violate(`${pod.address} lacks ${msg}, which ${holders[0]?.[0]} has`)
      }
    }
  }

  #checkReached(client: Client, positions: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    const position = client.address === undefined ? undefined : positions.get(client.address)
    if (position === undefined) {
      if (!client.isConnected) this.#truth.violate(`${client.name} is not connected`)
      return
    }
    this.#truth.checkEnded(client, position)
    for (const { msg, epoch, seq, stream } of this.#truth.sent) {
      if (epoch === undefined || !client.streams.includes(stream) || (position.get(epoch) ?? 0) < seq)
        continue
      if ((this.#truth.positionOf(client).get(epoch) ?? 0) < seq)
        this.#truth.violate(`${client.name} never came to ${msg}`)
    }
  }
}
