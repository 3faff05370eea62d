import { Client } from './client.ts'
import { Network, NO_FAULTS } from './network.ts'
import { Oracle } from './oracle.ts'
import type { Action, Plan } from './plan.ts'
import { type Incarnation, Pod } from './pod.ts'
import { Random } from './random.ts'
import { readId } from './read-id.ts'
import type { RunCounts } from './run-facts.ts'
import { RunsPlayback } from './run-playback.ts'
import { Time } from './time.ts'

export interface Result {
  violations: readonly string[]
  trace: readonly string[]
  events: number
  /** Exchanges between Pods that were opened, and their messages. */
  exchanges: number
  messages: number
  resumes: number
  gaps: number
  falseGaps: number
  maxIdLength: number
  /** Situations of runs; undefined without runs. */
  runs: RunCounts | undefined
}

/**
 * Runs a plan until the fleet has converged after the last fault, and checks every invariant meanwhile. `isTraced`: whether the
 * result has the trace.
 */
export async function play(plan: Plan, { isTraced }: { isTraced: boolean }): Promise<Result> {
  return new Playback(plan, isTraced).play()
}

class Playback {
  readonly #plan: Plan
  readonly #time = new Time()
  readonly #random: Random
  readonly #network: Network
  readonly #oracle: Oracle
  readonly #pods: readonly Pod[]
  readonly #runs: RunsPlayback | undefined
  #clients: readonly Client[] = []
  #sent = 0

  constructor(plan: Plan, isTraced: boolean) {
    this.#plan = plan
    this.#random = new Random(plan.seed)
    this.#network = new Network(this.#time, this.#random, {
      lateMs: Math.min(4_000, plan.ageMs / 4),
      stallMs: 2 * plan.ageMs,
    })
    this.#oracle = new Oracle(this.#time, plan, isTraced)
    const fixture = {
      time: this.#time,
      network: this.#network,
      random: this.#random,
      oracle: this.#oracle,
      plan,
    }
    this.#pods = Array.from({ length: plan.pods }, (_, i) => new Pod(i, fixture))
    if (plan.runs !== undefined)
      this.#runs = new RunsPlayback({
        ...fixture,
        plan: plan.runs,
        pods: this.#pods,
        stallMs: 2 * plan.ageMs,
        lostMs: Math.min(60_000, 2.5 * plan.ageMs),
      })
  }

  async play(): Promise<Result> {
    const plan = this.#plan
    for (const pod of this.#pods) pod.start()
    await this.#time.run(2_000)
    const fixture = { pods: this.#pods, time: this.#time, random: this.#random, oracle: this.#oracle }
    this.#clients = plan.clients.map(
      (streams, i) => new Client(i, streams, { ...fixture, isLoop: plan.loops?.has(i) ?? false }),
    )
    await this.#time.run(2_500)
    for (const action of plan.actions) this.#time.after(action.at, () => this.#do(action))
    await this.#time.run(2_500 + plan.faultsEndAt + 10)
    await this.#settle()
    await this.#runs?.settle()
    for (const client of this.#clients) {
      if (this.#isExact(client)) this.#oracle.checkComplete(client)
      client.goOffline(1e9)
    }
    await this.#time.run(this.#time.now + 100)
    for (const pod of this.#pods) {
      const left = pod.incarnation?.sser.connections ?? 0
      if (left > 0)
        this.#oracle.violate(`${pod.address} holds ${left} connections of clients that have disconnected`)
    }
    const { violations, trace, gaps, falseGaps, maxIdLength } = this.#oracle
    const resumes = this.#clients.reduce((sum, client) => sum + client.resumes, 0)
    const { opened: exchanges, messages } = this.#network.exchanges
    return {
      violations,
      trace,
      events: this.#sent,
      exchanges,
      messages,
      resumes,
      gaps,
      falseGaps,
      maxIdLength,
      runs: this.#runs?.counts,
    }
  }

  /** Returns whether the client must have every event. */
  #isExact({ streams }: Client): boolean {
    if (this.#plan.isFair) return !streams.includes('busy')
    return this.#plan.profile === 'ordinary' && this.#oracle.gaps === 0
  }

  #do(action: Action): void {
    this.#oracle.log(`— ${JSON.stringify(action)}`)
    const pod = 'pod' in action ? (this.#pods[action.pod] as Pod) : undefined
    const client = 'client' in action ? this.#clients[action.client] : undefined
    switch (action.kind) {
      case 'send':
        return this.#send(pod as Pod, action)
      case 'disconnect':
        return this.#disconnect(pod as Pod, action.stream)
      case 'v1':
        return this.#sendV1(action.stream)
      case 'start-run':
      case 'read-run':
      case 'cancel-run':
        return this.#runs?.do(action)
      case 'crash':
        if (pod !== undefined) this.#runs?.lost(pod)
        pod?.crash()
        for (const each of this.#clients) each.onPodCrash(pod?.address ?? '')
        return
      case 'stop':
        return this.#stop(pod as Pod)
      case 'start':
        if (pod?.version !== 'current') this.#runs?.replaced()
        return pod?.start(action.version)
      case 'pause':
        if (pod !== undefined) this.#runs?.paused(pod, action.ms >= 0.4 * this.#plan.ageMs)
        this.#runs?.disturbed(action.ms)
        return pod?.incarnation?.pause(action.ms)
      case 'partition':
        return this.#partition(action.from, action.ms, action.isOneWay)
      case 'faults': {
        const { rate } = action
        this.#runs?.disturbed(action.ms)
        this.#network.faults = { dropRequest: rate, dropResponse: rate, duplicate: rate, delay: rate }
        this.#time.after(action.ms, () => {
          this.#network.faults = NO_FAULTS
        })
        return
      }
      case 'stall':
        return client?.stall(action.ms)
      case 'go-offline':
        return client?.goOffline(action.ms)
      case 'reconnect':
        return client?.reconnect()
      case 'foreign-id':
        // subscribe() rejects it.
        if (client === undefined || client.isLoop) return
        client.lastEventId = String(this.#random.int(0, 1e6))
        this.#oracle.forgets(client)
        return client.reconnect()
    }
  }

  #stop(pod: Pod): void {
    const handover = this.#runs?.handover(pod)
    void pod.stop().then(handover)
  }

  #send(pod: Pod, { stream, key, length = 0 }: Extract<Action, { kind: 'send' }>): void {
    const { incarnation } = pod
    if (incarnation === undefined || !pod.takesSends) return
    // With a tiny log, some messages fill it.
    const filler = this.#plan.profile === 'tiny' ? this.#random.pick([0, 0, 100, 400]) : length
    const msg = `e${this.#sent++}${'.'.repeat(filler)}`
    const place = this.#append(incarnation, () => incarnation.sser.send(stream, msg, { idempotencyKey: key }))
    if (place !== undefined) this.#oracle.send({ msg, stream, ...place, at: this.#time.now, key })
  }

  #disconnect({ incarnation, takesSends }: Pod, stream: string): void {
    if (incarnation === undefined || !takesSends) return
    const place = this.#append(incarnation, () => incarnation.sser.disconnect({ stream }))
    const msg = `the disconnect of ${stream} at ${this.#time.now}`
    if (place !== undefined)
      this.#oracle.disconnects.push({ msg, stream, ...place, at: this.#time.now, key: undefined })
  }

  /** Epoch and seq of the entry that `append` adds to the incarnation's log. */
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
    this.#oracle.send({ msg, stream, epoch: undefined, seq: 0, at: this.#time.now, key: undefined })
    for (const { incarnation } of this.#pods) {
      if (incarnation === undefined || incarnation.wasPaused || this.#random.chance(0.2)) continue
      const events = this.#oracle.v1.get(incarnation) ?? []
      this.#oracle.v1.set(incarnation, [
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
    this.#runs?.disturbed(ms)
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

  /** Ends all faults: every client must receive every event, or a gap. */
  async #settle(): Promise<void> {
    this.#network.heal()
    this.#network.faults = NO_FAULTS
    for (const pod of this.#pods) pod.start()
    const { ageMs, heartbeatMs } = this.#plan
    // Time for a drain and a start, a backoff, and two graces, after which all events were forwarded.
    const isDraining = this.#pods.some(({ incarnation }) => incarnation?.sser.isReady === false)
    await this.#time.run(this.#time.now + 7_000 + ageMs / 2 + (isDraining ? 9_000 : 0))
    const positions = new Map<string, ReadonlyMap<string, number>>()
    for (const pod of this.#pods) {
      if (!pod.isReady) this.#oracle.violate(`${pod.address} is not ready`)
      else
        positions.set(pod.address, readId((pod.incarnation as { sser: { position: string } }).sser.position))
    }
    const latency = 100
    await this.#time.run(this.#time.now + latency)
    this.#checkConvergence(positions)
    await this.#time.run(this.#time.now + heartbeatMs * 2)
    for (const client of this.#clients) this.#checkReached(client, positions)
  }

  /** Events that one Pod had before are on every Pod now. */
  #checkConvergence(before: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    for (const pod of this.#pods) {
      if (!pod.isReady || pod.incarnation === undefined) continue
      const now = readId(pod.incarnation.sser.position)
      for (const { msg, epoch, seq } of [...this.#oracle.sent, ...this.#oracle.disconnects]) {
        if (epoch === undefined) continue
        const holders = [...before].filter(([, position]) => (position.get(epoch) ?? 0) >= seq)
        // An ended epoch becomes silent at slightly different times on different Pods.
        const isAlive = this.#pods.some(({ incarnation }) => incarnation?.epoch === epoch)
        if (holders.length === before.size || holders.length === 0 || !(isAlive || now.has(epoch))) continue
        if ((now.get(epoch) ?? 0) < seq)
          this.#oracle.violate(`${pod.address} lacks ${msg}, which ${holders[0]?.[0]} has`)
      }
    }
  }

  #checkReached(client: Client, positions: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    const position = client.address === undefined ? undefined : positions.get(client.address)
    if (position === undefined) {
      if (!client.isConnected) this.#oracle.violate(`${client.name} is not connected`)
      return
    }
    this.#oracle.checkEnded(client, position)
    for (const { msg, epoch, seq, stream, key, at } of this.#oracle.sent) {
      // A loop that has a duplicate of the event skips it without a new id.
      if (client.isLoop && key !== undefined) continue
      // The gap of an evicted event may have a lower id, and a loop gets the next id with the next event.
      if (client.isLoop && this.#oracle.gapCovers(client, at)) continue
      if (epoch === undefined || !client.streams.includes(stream) || (position.get(epoch) ?? 0) < seq)
        continue
      if ((this.#oracle.positionOf(client).get(epoch) ?? 0) < seq)
        this.#oracle.violate(`${client.name} never reached ${msg}`)
    }
  }
}
