import { setTimeout as delay } from 'node:timers/promises'
import type { Receipt } from '../../src/index.ts'
import type { StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { type ClusterFleet, urlOf } from './fleet.ts'
import { Page } from './page.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { Sender, type Sent } from './sender.ts'
import { judge, type Verdict } from './verdict.ts'

const CLIENTS = 200
const PER_SECOND = 20
const FLOW_MS = 30_000
const LOOK_MS = 100
const ARRIVE_MS = 30_000

export const streams: readonly string[] = Array.from({ length: 10 }, (_, i) => `stream-${i}`)

export type Answered = Sent & { receipt: Receipt }

/**
 * Load during a scenario: 200 pages that connect through the balancer, and for every Pod a sender of 20 events a
 * second, for as long as the Pod responds.
 */
export class Traffic {
  readonly #pages: readonly Page[]
  readonly #fleet: ClusterFleet
  /** Senders of the existing Pods, by the UID of the Pod. */
  readonly #senders = new Map<string, Sender>()
  /** Senders of deleted Pods. */
  readonly #former: Sender[] = []
  #isOver = false

  private constructor(fleet: ClusterFleet, pages: readonly Page[]) {
    this.#fleet = fleet
    this.#pages = pages
  }

  /** Resolves when every client has received an event. */
  static async start(fleet: ClusterFleet): Promise<Traffic> {
    const { url } = fleet.balancer
    const opening = Array.from({ length: CLIENTS }, (_, i) =>
      Page.open(url, streams[i % streams.length] as string),
    )
    const traffic = new Traffic(fleet, await Promise.all(opening))
    void traffic.#follow()
    const flows = () => traffic.clients.every(({ received }) => received.length > 0)
    await until('every client has received an event', flows, FLOW_MS)
    return traffic
  }

  get clients(): StreamClient[] {
    return this.#pages.map(({ client }) => client)
  }

  get sent(): readonly Sent[] {
    return [...this.#former, ...this.#senders.values()].flatMap(({ sent }) => sent)
  }

  /** Events sent since `time` that have a receipt by now. */
  answeredSince(time: number): Answered[] {
    return this.sent.filter((sent): sent is Answered => sent.at >= time && sent.receipt !== undefined)
  }

  /** Call this just before a Pod is killed: events that only this Pod held may then be lost. */
  orphan(pod: RunningPod): void {
    this.#senders.get(pod.object.metadata.uid)?.orphan()
  }

  /** Sends a last event on each stream, waits for all promised events, and returns the verdict. */
  async end(): Promise<Verdict> {
    this.#isOver = true
    // Every duplicate has arrived by the time that the last events have.
    await Promise.all(Array.from(this.#senders.values(), (sender) => sender.finish()))
    const { sent, clients } = this
    // The wait has a limit, because the verdict reports events that never arrive.
    const end = performance.now() + ARRIVE_MS
    let verdict = judge(sent, clients)
    while (performance.now() < end && verdict.lost.length > 0) {
      await delay(LOOK_MS)
      verdict = judge(sent, clients)
    }
    for (const page of this.#pages) page.close()
    return verdict
  }

  /** Starts a sender for each Pod that becomes ready, and stops it when the Pod no longer exists. */
  async #follow(): Promise<void> {
    while (!this.#isOver) {
      const { balancer, pods, rig } = this.#fleet
      const ready = new Set(balancer.ready)
      for (const { name, object, ip } of pods) {
        const { uid } = object.metadata
        if (this.#senders.has(uid) || !ready.has(name)) continue
        this.#senders.set(uid, new Sender({ name, url: urlOf(ip), streams, perSecond: PER_SECOND }))
      }
      const there = new Set(rig.pods.map(({ object }) => object.metadata.uid))
      for (const [uid, sender] of this.#senders) {
        if (there.has(uid)) continue
        this.#senders.delete(uid)
        this.#former.push(sender)
        void sender.stop()
      }
      await delay(LOOK_MS)
    }
  }
}
