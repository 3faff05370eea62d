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
const FLOW_MS = 10_000
const LOOK_MS = 100
const ARRIVE_MS = 30_000

const streams = Array.from({ length: 10 }, (_, i) => `stream-${i}`)

export type Answered = Sent & { receipt: Receipt }

/**
 * What goes on while a scenario happens: 200 pages come through the balancer, and through every Pod, for as long
 * as it answers, 20 events a second are sent.
 */
export class Traffic {
  readonly #pages: readonly Page[]
  readonly #fleet: ClusterFleet
  /** By the UID of their Pods, which are there. */
  readonly #senders = new Map<string, Sender>()
  /** Of Pods that are gone. */
  readonly #former: Sender[] = []
  #isOver = false

  private constructor(fleet: ClusterFleet, pages: readonly Page[]) {
    this.#fleet = fleet
    this.#pages = pages
  }

  /** Resolves when every client gets something. */
  static async start(fleet: ClusterFleet): Promise<Traffic> {
    const { url } = fleet.balancer
    const opening = Array.from({ length: CLIENTS }, (_, i) =>
      Page.open(url, streams[i % streams.length] as string),
    )
    const traffic = new Traffic(fleet, await Promise.all(opening))
    void traffic.#follow()
    const flows = () => traffic.clients.every(({ received }) => received.length > 0)
    await until('every client gets something', flows, FLOW_MS)
    return traffic
  }

  get clients(): StreamClient[] {
    return this.#pages.map(({ client }) => client)
  }

  get sent(): readonly Sent[] {
    return [...this.#former, ...this.#senders.values()].flatMap(({ sent }) => sent)
  }

  /** What was sent since then and has an answer by now. */
  answeredSince(time: number): Answered[] {
    return this.sent.filter((sent): sent is Answered => sent.at >= time && sent.receipt !== undefined)
  }

  /** For just before a Pod is killed: of events that only it had, nothing is promised any more. */
  orphan(pod: RunningPod): void {
    this.#senders.get(pod.object.metadata.uid)?.orphan()
  }

  /** Sends something last, waits for all that was promised, and judges. */
  async end(): Promise<Verdict> {
    this.#isOver = true
    // Whatever is there twice has come by the time that these have.
    await Promise.all(Array.from(this.#senders.values(), (sender) => sender.finish()))
    const { sent, clients } = this
    // Not forever: what never comes is what the verdict is about.
    const end = performance.now() + ARRIVE_MS
    let verdict = judge(sent, clients)
    while (performance.now() < end && verdict.lost.length > 0) {
      await delay(LOOK_MS)
      verdict = judge(sent, clients)
    }
    for (const page of this.#pages) page.close()
    return verdict
  }

  /** Begins to send through each Pod as soon as it is ready, and ends when nothing is left of it. */
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
