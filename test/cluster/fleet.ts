import { mkdtempSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../support/until.ts'
import type { Balancer } from './rig/balancer.ts'
import type { Pod } from './rig/kubelet/objects.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { Mirror } from './rig/mirror.ts'
import { rigFolder } from './rig/programs.ts'
import { Rig } from './rig/rig.ts'
import type { WebState } from './web.ts'

const bun = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url))
const script = fileURLToPath(new URL('./web.ts', import.meta.url))
const manifests = fileURLToPath(new URL('../../examples/kubernetes/', import.meta.url))
/** What the manifests call everything: the namespace, the Deployment, the Service, the ServiceAccount. */
const web = 'web'
const deployment = `/apis/apps/v1/namespaces/${web}/deployments/${web}`
/** A rollout as shipped: three Pods, one after another, and each takes its time. */
const SETTLE_MS = 150_000
const ANSWER_MS = 2_000
const AGREE_MS = 60_000
/** How often a Pod is asked for its state while a test waits. */
export const ASK_MS = 50

export interface FleetOptions {
  /** How long a Pod has to be ready before a rollout goes on. Default: a second, so that tests need not wait. */
  minReadySeconds?: number
}

/** The shipped manifests, applied to a rig of their own. */
export class ClusterFleet {
  readonly rig: Rig
  readonly balancer: Balancer
  /** Who should be a peer: the UIDs of the Pods that run, and since when the apiserver has it so. */
  #truth = { uids: '', at: Date.now() }
  #mirror: Mirror<Pod> | undefined

  private constructor(rig: Rig, balancer: Balancer) {
    this.rig = rig
    this.balancer = balancer
  }

  /** Resolves when its three Pods are ready and know one another. */
  static async start({ minReadySeconds = 1 }: FleetOptions = {}): Promise<ClusterFleet> {
    const images = {
      'example/sser:1': { entrypoint: [process.execPath, script] },
      'example/sser:1-bun': { entrypoint: [bun, script] },
    }
    const rig = await Rig.start({ images })
    try {
      const fleet = new ClusterFleet(rig, await rig.balance(web, web, 'http'))
      await fleet.apply()
      await rig.api.patch(deployment, { spec: { minReadySeconds } })
      const path = `/api/v1/namespaces/${web}/pods?labelSelector=app%3D${web}`
      fleet.#mirror = await Mirror.of<Pod>(rig.api, path, () => fleet.#look())
      await fleet.settled()
      return fleet
    } catch (error) {
      await rig.stop()
      throw error
    }
  }

  /** Applies the manifests, also to restore what a test has deleted. */
  apply(): Promise<string> {
    return this.kubectl('apply', '-k', manifests)
  }

  /** Applies the manifests with these components of theirs, and resolves when the rollout is complete. @see settled */
  async applyWith(...components: string[]): Promise<number> {
    const folder = mkdtempSync(join(rigFolder, 'run', 'kustomization-'))
    const near = (path: string) => relative(folder, join(manifests, path))
    const soon = [{ op: 'replace', path: '/spec/minReadySeconds', value: 1 }]
    const kustomization = {
      resources: [near('.')],
      components: components.map(near),
      patches: [{ target: { kind: 'Deployment' }, patch: JSON.stringify(soon) }],
    }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    await this.kubectl('apply', '-k', folder)
    return this.settled()
  }

  kubectl(...args: string[]): Promise<string> {
    return this.rig.kubectl(['--namespace', web, ...args])
  }

  /** Its Pods that run and are not being deleted. */
  get pods(): RunningPod[] {
    return this.rig.pods.filter(({ object, ip, isEnding }) => {
      const { labels, deletionTimestamp } = object.metadata
      return labels?.app === web && deletionTimestamp === undefined && !isEnding && ip !== ''
    })
  }

  /** @see settled */
  async scale(replicas: number): Promise<number> {
    await this.rig.api.patch(deployment, { spec: { replicas } })
    return this.settled()
  }

  /** @see settled */
  async restart(): Promise<number> {
    await this.kubectl('rollout', 'restart', `deployment/${web}`)
    return this.settled()
  }

  /** Updates the Deployment to the image of the other runtime. @see settled */
  async updateTo(runtime: 'Node' | 'Bun'): Promise<number> {
    const image = runtime === 'Bun' ? 'example/sser:1-bun' : 'example/sser:1'
    await this.kubectl('set', 'image', `deployment/${web}`, `web=${image}`)
    return this.settled()
  }

  /** What every Pod that there was has logged of what `sser` warns of, but for the open internal port. */
  warnings(): string[] {
    return this.rig.logs().flatMap(({ name, text }) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('sser: ') && !line.includes('internal port'))
        .map((line) => `${name}: ${line}`),
    )
  }

  /**
   * Resolves when the rollout is complete and every Pod has the right peers, with how many milliseconds after the
   * apiserver's own event, or its own first list, the last of them had.
   */
  async settled(): Promise<number> {
    await this.rig.settled(web, web, SETTLE_MS)
    return Math.max(...(await Promise.all(this.pods.map((pod) => this.#agrees(pod)))))
  }

  /** Breaks every Pod's connections to the apiserver, so that it has to ask anew. */
  async disconnectFromApi(): Promise<void> {
    const { ipv4 } = this.rig.controlPlane.namespace
    await Promise.all(this.pods.map(({ namespace }) => namespace.disconnect(ipv4)))
  }

  async stateOf(pod: RunningPod): Promise<WebState> {
    const response = await fetch(`${urlOf(pod.ip)}/state`, { signal: AbortSignal.timeout(ANSWER_MS) })
    return (await response.json()) as WebState
  }

  /** The states of all Pods. */
  states(): Promise<WebState[]> {
    return Promise.all(this.pods.map((pod) => this.stateOf(pod)))
  }

  async stop(): Promise<void> {
    this.#mirror?.stop()
    await this.rig.stop()
  }

  async #agrees(pod: RunningPod): Promise<number> {
    let late = Number.NaN
    const isRight = async () => {
      // Where it does not answer, it has just been killed.
      const { lists } = await this.stateOf(pod).catch(() => ({ lists: [] }))
      const [first, last] = [lists[0], lists.at(-1)]
      if (first === undefined || last?.uids.toSorted().join() !== this.#truth.uids) return false
      late = last.at - Math.max(this.#truth.at, first.at)
      return true
    }
    await until(`${pod.name} has the right peers`, isRight, AGREE_MS, ASK_MS)
    return late
  }

  #look(): void {
    const all = [...(this.#mirror?.objects.values() ?? [])]
    const running = all.filter(({ status }) => status.phase === 'Running')
    const uids = running
      .map(({ metadata }) => metadata.uid)
      .toSorted()
      .join()
    if (uids !== this.#truth.uids) this.#truth = { uids, at: Date.now() }
  }
}

export function urlOf(ip: string): string {
  return `http://${ip.includes(':') ? `[${ip}]` : ip}:8000`
}
