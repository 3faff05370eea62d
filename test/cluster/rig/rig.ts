import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../support/until.ts'
import type { Api } from './api.ts'
import { Balancer } from './balancer.ts'
import { ControlPlane } from './control-plane.ts'
import { Kubelet } from './kubelet/kubelet.ts'
import type { Image, RunningPod } from './kubelet/running-pod.ts'
import { Network, remains } from './network.ts'
import { pathOf, rigFolder } from './programs.ts'
import { run } from './run.ts'

/** Poll interval; shorter, the apiserver would take CPU from the Pods for the whole of a rollout. */
const ASK_MS = 50

export interface RigOptions {
  images: Readonly<Record<string, Image>>
  /** Default: 2. */
  nodes?: number
}

/** A cluster for tests: a real control plane, and nodes with the kubelet of the rig. */
export class Rig {
  readonly controlPlane: ControlPlane
  readonly kubelets: readonly Kubelet[]
  readonly #network: Network
  readonly #balancers: Balancer[] = []

  private constructor(network: Network, controlPlane: ControlPlane, kubelets: readonly Kubelet[]) {
    this.#network = network
    this.controlPlane = controlPlane
    this.kubelets = kubelets
  }

  static async start({ images, nodes = 2 }: RigOptions): Promise<Rig> {
    const network = await Network.create()
    try {
      const controlPlane = await ControlPlane.start(network)
      const { api, port, namespace } = controlPlane
      const apiServer = { ipv4: namespace.ipv4, ipv6: namespace.ipv6, port }
      const image = (name: string) => {
        const found = images[name]
        if (found === undefined) throw new Error(`The rig has no image ${name}`)
        return found
      }
      const kubelets = await Promise.all(
        Array.from({ length: nodes }, (_, i) => {
          const folder = join(rigFolder, 'run', `node-${i + 1}`)
          return Kubelet.start({ api, network, number: i + 1, apiServer, image, folder })
        }),
      )
      return new Rig(network, controlPlane, kubelets)
    } catch (error) {
      await network.remove()
      throw error
    }
  }

  get api(): Api {
    return this.controlPlane.api
  }

  /** All Pods of the running nodes. */
  get pods(): RunningPod[] {
    return this.kubelets.flatMap(({ pods }) => [...pods.values()])
  }

  pod(name: string): RunningPod {
    const found = this.pods.find((pod) => pod.name === name)
    if (found === undefined) throw new Error(`No node runs a Pod ${name}`)
    return found
  }

  kubectl(args: readonly string[], input?: string): Promise<string> {
    return run(pathOf('kubectl'), ['--kubeconfig', this.controlPlane.kubeconfig, ...args], input)
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    )
  }

  async balance(namespace: string, service: string, portName: string): Promise<Balancer> {
    const balancer = await Balancer.of(this.api, namespace, service, portName)
    this.#balancers.push(balancer)
    return balancer
  }

  /** Resolves when the rollout of a Deployment is complete, and the replaced Pods are removed. */
  async settled(namespace: string, deployment: string, ms = 60_000): Promise<void> {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`
    const isSettled = async () => {
      const { metadata, spec, status } = await this.api.get<Deployment>(path)
      const { observedGeneration, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
      const own = this.pods.filter(({ object }) =>
        isSelected(object.metadata.labels, spec.selector.matchLabels),
      )
      return (
        observedGeneration === metadata.generation &&
        [replicas, updatedReplicas, availableReplicas, own.length].every((n) => n === spec.replicas)
      )
    }
    try {
      await until(`Deployment ${deployment} is settled`, isSettled, ms, ASK_MS)
    } catch (cause) {
      throw new Error(`${cause}\n${this.pods.map(String).join('\n')}`, { cause })
    }
  }

  /** Output of the containers of all Pods, past ones included. */
  logs(): { name: string; text: string }[] {
    return this.kubelets.flatMap((kubelet) =>
      readdirSync(kubelet.folder, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.log'))
        .map((path) => ({ name: path, text: readFileSync(join(kubelet.folder, path), 'utf8') })),
    )
  }

  /** Stops and removes everything; throws if a part remains. */
  async stop(): Promise<void> {
    await Promise.all(this.#balancers.map((balancer) => balancer.stop()))
    await Promise.all(this.kubelets.map((kubelet) => kubelet.die()))
    await this.controlPlane.stop()
    await this.#network.remove()
    const left = await remains()
    if (left.length > 0) throw new Error(`The rig has left ${left.join(', ')}`)
  }
}

type Labels = Readonly<Record<string, string>>

interface Deployment {
  metadata: { generation: number }
  spec: { replicas: number; selector: { matchLabels: Labels } }
  status: {
    observedGeneration?: number
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
  }
}

function isSelected(labels: Labels = {}, selector: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}
