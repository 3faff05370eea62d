import { mkdtempSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../support/until.ts'
import type { Balancer } from './rig/balancer.ts'
import { Informer } from './rig/informer.ts'
import type { Pod } from './rig/kubelet/objects.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { rigFolder } from './rig/programs.ts'
import { Rig } from './rig/rig.ts'
import type { WebState } from './web.ts'

const bun = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url))
const script = fileURLToPath(new URL('./web.ts', import.meta.url))
const manifests = fileURLToPath(new URL('../../examples/kubernetes/', import.meta.url))
/** Name of everything in the manifests: the namespace, the Deployment, the Service, the ServiceAccount. */
const web = 'web'
const deployment = `/apis/apps/v1/namespaces/${web}/deployments/${web}`
/**
 * Limit of a rollout with the shipped settings: three Pods, one after another, each with its minReadySeconds and drain.
 */
const SETTLE_MS = 150_000
/** Part of the shipped grace period that is not `drainTimeoutMs`. */
const GRACE_MS = 40_000
const ANSWER_MS = 2_000
const AGREE_MS = 60_000
/** Interval of the requests for a Pod's state while a test waits. */
export const ASK_MS = 50

export interface FleetOptions {
  /** Time in seconds that a Pod must be ready before a rollout continues. Default: 1, so that tests need not wait. */
  minReadySeconds?: number
  /** `runs.drainTimeoutMs` of the Pods, whose grace period is longer accordingly. Default: as shipped. */
  runsDrainMs?: number
}

/** Lines of normal operation, which the default logger prints beside warnings. */
const NOTICE = /^sser: (?:listens: |stops on |is ready|goes on with )/

/** The shipped manifests, applied to a separate rig. */
export class ClusterFleet {
  readonly rig: Rig
  readonly balancer: Balancer
  /** The expected peers: the UIDs of the running Pods, and the time of the apiserver's last change to them. */
  #expected = { uids: '', at: Date.now() }
  #informer: Informer<Pod> | undefined

  private constructor(rig: Rig, balancer: Balancer) {
    this.rig = rig
    this.balancer = balancer
  }

  /** Resolves when its three Pods are ready and have found each other. */
  static async start({ minReadySeconds = 1, runsDrainMs }: FleetOptions = {}): Promise<ClusterFleet> {
    const images = {
      'example/sser:1': { entrypoint: [process.execPath, script] },
      'example/sser:1-bun': { entrypoint: [bun, script] },
    }
    const rig = await Rig.start({ images })
    try {
      const fleet = new ClusterFleet(rig, await rig.balance(web, web, 'http'))
      await fleet.apply()
      const template = runsDrainMs === undefined ? {} : { template: { spec: drainingFor(runsDrainMs) } }
      await rig.api.patch(deployment, { spec: { minReadySeconds, ...template } })
      const path = `/api/v1/namespaces/${web}/pods?labelSelector=app%3D${web}`
      fleet.#informer = await Informer.of<Pod>(rig.api, path, () => fleet.#updateExpected())
      await fleet.settled()
      return fleet
    } catch (error) {
      await rig.stop()
      throw error
    }
  }

  /** Applies the manifests, also to restore objects that a test has deleted. */
  apply(): Promise<string> {
    return this.kubectl('apply', '-k', manifests)
  }

  /** Applies the manifests with these of their components, and resolves when the rollout is complete. @see settled */
  async applyWith(...components: string[]): Promise<number> {
    const folder = mkdtempSync(join(rigFolder, 'run', 'kustomization-'))
    const relativePath = (path: string) => relative(folder, join(manifests, path))
    const fastRollout = [{ op: 'replace', path: '/spec/minReadySeconds', value: 1 }]
    const kustomization = {
      resources: [relativePath('.')],
      components: components.map(relativePath),
      patches: [{ target: { kind: 'Deployment' }, patch: JSON.stringify(fastRollout) }],
    }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    await this.kubectl('apply', '-k', folder)
    return this.settled()
  }

  kubectl(...args: string[]): Promise<string> {
    return this.rig.kubectl(['--namespace', web, ...args])
  }

  /** Running Pods of the fleet that are not being deleted. */
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

  /**
   * Warnings of `sser` in the logs of all Pods, past ones included, apart from the warning of the open internal port.
   */
  warnings(): string[] {
    return this.rig.logs().flatMap(({ name, text }) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('sser: ') && !NOTICE.test(line))
        .map((line) => `${name}: ${line}`),
    )
  }

  /**
   * Resolves when the rollout is complete and every Pod has the expected peers. The result is the delay of the slowest
   * Pod in milliseconds, from the apiserver's change, or from the Pod's first list if that came later.
   */
  async settled(): Promise<number> {
    await this.rig.settled(web, web, SETTLE_MS)
    return Math.max(...(await Promise.all(this.pods.map((pod) => this.#peersSettled(pod)))))
  }

  /** Breaks every Pod's connections to the apiserver, so that it has to list and watch again. */
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
    this.#informer?.stop()
    await this.rig.stop()
  }

  async #peersSettled(pod: RunningPod): Promise<number> {
    let late = Number.NaN
    const isRight = async () => {
      // A Pod that does not respond has just been killed.
      const { lists } = await this.stateOf(pod).catch(() => ({ lists: [] }))
      const [first, last] = [lists[0], lists.at(-1)]
      if (first === undefined || last?.uids.toSorted().join() !== this.#expected.uids) return false
      late = last.at - Math.max(this.#expected.at, first.at)
      return true
    }
    await until(`${pod.name} has the expected peers`, isRight, AGREE_MS, ASK_MS)
    return late
  }

  #updateExpected(): void {
    const all = [...(this.#informer?.objects.values() ?? [])]
    const running = all.filter(({ status }) => status.phase === 'Running')
    const uids = running
      .map(({ metadata }) => metadata.uid)
      .toSorted()
      .join()
    if (uids !== this.#expected.uids) this.#expected = { uids, at: Date.now() }
  }
}

function drainingFor(runsDrainMs: number): object {
  const env = [{ name: 'RUNS_DRAIN_TIMEOUT_MS', value: String(runsDrainMs) }]
  return {
    terminationGracePeriodSeconds: (runsDrainMs + GRACE_MS) / 1_000,
    containers: [{ name: web, env }],
  }
}

export function urlOf(ip: string): string {
  return `http://${ip.includes(':') ? `[${ip}]` : ip}:8000`
}
