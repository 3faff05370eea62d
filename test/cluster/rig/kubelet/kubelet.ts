import { mkdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../../support/until.ts'
import type { Api } from '../api.ts'
import { Informer } from '../informer.ts'
import type { Namespace } from '../namespace.ts'
import type { Network } from '../network.ts'
import type { Pod } from './objects.ts'
import { type Host, RunningPod } from './running-pod.ts'

const HEARTBEAT_MS = 1_000
const READY_MS = 30_000
const LOOK_MS = 50
/** Maximum number of Pods on a node: the addresses that a node has. */
const PODS = 250

interface Node {
  spec: { taints?: unknown[] }
}

export interface KubeletOptions {
  api: Api
  network: Network
  /** Number of the node, from 1. */
  number: number
  apiServer: Host['apiServer']
  image: Host['image']
  folder: string
}

/**
 * One node. It runs the Pods that the scheduler assigns to it as processes of this machine, each in a separate network
 * namespace, and reports their status to the apiserver.
 *
 * It implements the features that the manifests need: the downward API, secrets as variables, projected volumes,
 * httpGet probes, preStop hooks, restarts, graceful and forced deletion. It ignores other features (init containers,
 * cgroups, users, root file systems), or reports in the container's status that it lacks them.
 */
export class Kubelet {
  readonly name: string
  /** Folder of the logs and volumes of its Pods. */
  readonly folder: string
  /** Pods by UID. */
  readonly pods = new Map<string, RunningPod>()
  /** Address families of Pods that start from now on. */
  families: Host['families'] = ['IPv4', 'IPv6']
  readonly #options: KubeletOptions
  #informer: Informer<Pod> | undefined
  #isAlive = true
  /** Pods of a node that is cut off: they run, and the node reports nothing of them. */
  #isolated: RunningPod[] = []
  /** Last part of the address of the next Pod. */
  #next = 2

  private constructor(options: KubeletOptions) {
    this.#options = options
    this.name = `node-${options.number}`
    this.folder = options.folder
    mkdirSync(options.folder, { recursive: true })
  }

  /** Resolves when the scheduler may assign Pods to it. */
  static async start(options: KubeletOptions): Promise<Kubelet> {
    const kubelet = new Kubelet(options)
    await kubelet.#register()
    void kubelet.#sendHeartbeats()
    const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${kubelet.name}`
    kubelet.#informer = await Informer.of<Pod>(options.api, path, (pod, change) => {
      if (!kubelet.#isAlive) return
      if (change === 'set') kubelet.#set(pod)
      else kubelet.#delete(pod)
    })
    await until(`${kubelet.name} has no taint`, () => kubelet.#hasNoTaint(), READY_MS, LOOK_MS)
    return kubelet
  }

  /** Assigns this address to the next Pod, because a real network may reuse an address at once. */
  reuse({ ipv4 }: Namespace): void {
    this.#next = Number(ipv4.split('.').at(-1))
  }

  /** Crashes the whole node: kills every process, and reports nothing to the apiserver. */
  async die(): Promise<void> {
    this.#isAlive = false
    this.#informer?.stop()
    await Promise.all([...this.pods.values(), ...this.#isolated].map((pod) => pod.killSilently()))
    this.pods.clear()
  }

  /** Cuts the whole node off: its Pods run on, their packets are dropped, and the apiserver hears nothing of it. */
  async isolate(): Promise<void> {
    this.#isAlive = false
    this.#informer?.stop()
    this.#isolated = [...this.pods.values()]
    this.pods.clear()
    await Promise.all(this.#isolated.map((pod) => pod.isolate()))
  }

  #set(object: Pod): void {
    const { uid, deletionTimestamp } = object.metadata
    const pod = this.pods.get(uid)
    if (pod !== undefined) return pod.update(object)
    const started = new RunningPod(this.#host(), object)
    this.pods.set(uid, started)
    if (deletionTimestamp !== undefined) started.update(object)
  }

  /** Removes a deleted Pod. A Pod that was deleted by force still runs until its grace period is over. */
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

  /** Assigns addresses in sequence, as real networks do, so that an address is reused as late as possible. */
  #takeNumber(): number {
    const taken = this.#next
    this.#next = taken > PODS ? 2 : taken + 1
    return taken
  }

  async #register(): Promise<void> {
    const { api, number } = this.#options
    // The zone is necessary, because the scheduler skips a node without one when it spreads Pods over zones and nodes.
    const labels = { 'kubernetes.io/hostname': this.name, 'topology.kubernetes.io/zone': `zone-${number}` }
    await api.post('/api/v1/nodes', { metadata: { name: this.name, labels } })
    await this.#reportStatus()
  }

  /** Returns whether the node controller has removed the taint of a new node, after it saw that the node is ready. */
  async #hasNoTaint(): Promise<boolean> {
    const { spec } = await this.#options.api.get<Node>(`/api/v1/nodes/${this.name}`)
    return (spec.taints ?? []).length === 0
  }

  /** Reports the status every second, because the node controller declares a silent node lost. */
  async #sendHeartbeats(): Promise<void> {
    while (this.#isAlive) {
      await delay(HEARTBEAT_MS)
      // Ignores errors while the apiserver is down: the next heartbeat may succeed.
      if (this.#isAlive) await this.#reportStatus().catch(() => {})
    }
  }

  async #reportStatus(): Promise<void> {
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
