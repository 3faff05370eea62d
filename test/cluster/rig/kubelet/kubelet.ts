import { mkdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../../support/until.ts'
import type { Api } from '../api.ts'
import { Mirror } from '../mirror.ts'
import type { Namespace } from '../namespace.ts'
import type { Network } from '../network.ts'
import type { Pod } from './objects.ts'
import { type Host, RunningPod } from './running-pod.ts'

const HEARTBEAT_MS = 1_000
const READY_MS = 30_000
const LOOK_MS = 50
/** As many as have an address on a node. */
const PODS = 250

interface Node {
  spec: { taints?: unknown[] }
}

export interface KubeletOptions {
  api: Api
  network: Network
  /** 1, 2, … */
  number: number
  apiServer: Host['apiServer']
  image: Host['image']
  folder: string
}

/**
 * One node. It runs the Pods that the scheduler gives it as processes of this machine, each in a network namespace
 * of its own, and tells the apiserver how they are.
 *
 * It knows what the manifests need: the downward API, secrets as variables, projected volumes, httpGet probes,
 * preStop hooks, restarts, graceful and forced deletion. What it does not know (init containers, cgroups, users, root file systems) it leaves out, or
 * says so in the container's status.
 */
export class Kubelet {
  readonly name: string
  /** For the logs and volumes of its Pods. */
  readonly folder: string
  /** By UID. */
  readonly pods = new Map<string, RunningPod>()
  /** The address families of Pods that start from now on. */
  families: Host['families'] = ['IPv4', 'IPv6']
  readonly #options: KubeletOptions
  #mirror: Mirror<Pod> | undefined
  #isAlive = true
  /** The last part of the address of the Pod that starts next. */
  #next = 2

  private constructor(options: KubeletOptions) {
    this.#options = options
    this.name = `node-${options.number}`
    this.folder = options.folder
    mkdirSync(options.folder, { recursive: true })
  }

  /** Resolves when the scheduler may give it Pods. */
  static async start(options: KubeletOptions): Promise<Kubelet> {
    const kubelet = new Kubelet(options)
    await kubelet.#register()
    void kubelet.#beat()
    const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${kubelet.name}`
    kubelet.#mirror = await Mirror.of<Pod>(options.api, path, (pod, change) => {
      if (!kubelet.#isAlive) return
      if (change === 'set') kubelet.#set(pod)
      else kubelet.#delete(pod)
    })
    await until(`${kubelet.name} is taken for ready`, () => kubelet.#isTaintless(), READY_MS, LOOK_MS)
    return kubelet
  }

  /** The next Pod gets this address again, as a real network may well give it. */
  reuse({ ipv4 }: Namespace): void {
    this.#next = Number(ipv4.split('.').at(-1))
  }

  /** The whole node at once: no process lives on, and nobody is told. */
  async die(): Promise<void> {
    this.#isAlive = false
    this.#mirror?.stop()
    await Promise.all(Array.from(this.pods.values(), (pod) => pod.vanish()))
    this.pods.clear()
  }

  #set(object: Pod): void {
    const { uid, deletionTimestamp } = object.metadata
    const pod = this.pods.get(uid)
    if (pod !== undefined) return pod.update(object)
    const started = new RunningPod(this.#host(), object)
    this.pods.set(uid, started)
    if (deletionTimestamp !== undefined) started.update(object)
  }

  /** A Pod that ended by itself is gone by now. One that was deleted by force goes on until it has ended. */
  #delete(object: Pod): void {
    const { uid } = object.metadata
    void this.pods
      .get(uid)
      ?.endByForce(object)
      .then(() => this.pods.delete(uid))
  }

  #host(): Host {
    const { api, network, apiServer, image, folder } = this.#options
    return {
      api,
      ip: '10.244.0.1',
      families: this.families,
      apiServer,
      image,
      folder,
      join: () => network.join(this.#options.number, this.#takeNumber()),
      leave: (namespace) => network.leave(namespace),
    }
  }

  /** One after another, as real networks do, so that an address comes again as late as possible. */
  #takeNumber(): number {
    const taken = this.#next
    this.#next = taken > PODS ? 2 : taken + 1
    return taken
  }

  async #register(): Promise<void> {
    const { api, number } = this.#options
    // A node without a zone would be left out where the scheduler spreads Pods over zones and nodes.
    const labels = { 'kubernetes.io/hostname': this.name, 'topology.kubernetes.io/zone': `zone-${number}` }
    await api.post('/api/v1/nodes', { metadata: { name: this.name, labels } })
    await this.#tellStatus()
  }

  /** A new node has a taint until its controller sees that it is ready. */
  async #isTaintless(): Promise<boolean> {
    const { spec } = await this.#options.api.get<Node>(`/api/v1/nodes/${this.name}`)
    return (spec.taints ?? []).length === 0
  }

  /** The node's controller takes a node for lost that is silent for long. */
  async #beat(): Promise<void> {
    while (this.#isAlive) {
      await delay(HEARTBEAT_MS)
      // Should the apiserver be down, the next one may do.
      if (this.#isAlive) await this.#tellStatus().catch(() => {})
    }
  }

  async #tellStatus(): Promise<void> {
    const now = new Date().toISOString()
    const room = { cpu: '64', memory: '256Gi', pods: String(PODS) }
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: 'the rig is running',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    }
    const addresses = [{ type: 'InternalIP', address: '10.244.0.1' }]
    const status = { capacity: room, allocatable: room, conditions: [ready], addresses }
    await this.#options.api.patch(`/api/v1/nodes/${this.name}/status`, { status })
  }
}
