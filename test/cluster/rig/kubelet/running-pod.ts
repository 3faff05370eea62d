import type { ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Api } from '../api.ts'
import type { Namespace } from '../namespace.ts'
import { Container } from './container.ts'
import { environmentOf, expand, readSecrets, type Secrets } from './environment.ts'
import type { Addresses, ContainerSpec, ContainerStatus, Pod, PodStatus } from './objects.ts'
import { persistently, Report } from './report.ts'
import { Volumes } from './volumes.ts'

const LOG_CHARACTERS = 2_000

/** Replacement of a container image: a command of this machine. */
export interface Image {
  entrypoint: readonly string[]
  env?: Readonly<Record<string, string>>
}

/** Resources that the node provides to a Pod. */
export interface Host {
  api: Api
  /** Address of the node. */
  ip: string
  /** Address families that the Pod and the apiserver see. */
  families: readonly ('IPv4' | 'IPv6')[]
  /** Addresses of the apiserver for Pods. */
  apiServer: { ipv4: string; ipv6: string; port: number }
  image: (name: string) => Image
  join: () => Promise<Namespace>
  leave: (namespace: Namespace) => Promise<void>
  /** Folder of logs and volumes. */
  folder: string
}

/** One Pod on its node, from its scheduling until its processes and its network namespace are removed. */
export class RunningPod {
  object: Pod
  readonly #host: Host
  readonly #folder: string
  readonly #report: Report
  readonly #abandoning = new AbortController()
  /** Resolves when the containers have been started, or cannot be. */
  readonly #begun: Promise<void>
  #addresses: Addresses = {}
  #namespace: Namespace | undefined
  #volumes: Volumes | undefined
  #secrets: Secrets = new Map()
  #containers: Container[] = []
  /** Reason why the containers could not be created. */
  #failure: string | undefined
  #isEnding = false
  /** Graceful stop of the containers, once it has begun; resolves when they have exited. */
  #ending: Promise<void> | undefined

  constructor(host: Host, object: Pod) {
    this.object = object
    this.#host = host
    this.#folder = join(host.folder, `${object.metadata.name}-${object.metadata.uid.slice(0, 8)}`)
    this.#report = new Report(host.api, object, () => ({
      addresses: this.#addresses,
      phase: this.#phase,
      containers: this.#containerStatuses,
    }))
    this.#begun = this.#begin().catch((error) => {
      this.#failure = String(error)
      void this.#report.update()
    })
  }

  get name(): string {
    return this.object.metadata.name
  }

  get namespace(): Namespace {
    if (this.#namespace === undefined) throw new Error(`Pod ${this.name} has no addresses yet`)
    return this.#namespace
  }

  /** Address of the Pod in the apiserver; empty before it has one. */
  get ip(): string {
    return this.#addresses.podIP ?? ''
  }

  get volumes(): Volumes {
    if (this.#volumes === undefined) throw new Error(`Pod ${this.name} has no volumes yet`)
    return this.#volumes
  }

  /** Status of the containers, and the end of their logs. */
  toString(): string {
    const { name, namespace } = this.object.metadata
    const logs = this.object.spec.containers.map((spec) => this.#logOf(spec)).filter(existsSync)
    const last = logs.map((path) => readFileSync(path, 'utf8').slice(-LOG_CHARACTERS))
    return `Pod ${namespace}/${name}: ${JSON.stringify(this.#containerStatuses)} ${last.join('\n')}`
  }

  /** True if the Pod is being stopped, for any reason. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Applies the current state of the Pod in the apiserver. */
  update(object: Pod): void {
    this.object = object
    if (object.metadata.deletionTimestamp !== undefined) void this.#end()
    else if (!this.#report.agreesWith(object.status)) void this.#report.update()
  }

  /** Kills its processes as a crash would. They are restarted. */
  kill(): void {
    for (const container of this.#containers) container.kill()
  }

  /**
   * Stops a Pod that was deleted by force, so that the apiserver no longer has it. Resolves when everything is removed.
   */
  async endByForce(object: Pod): Promise<void> {
    this.object = object
    this.#report.stop()
    this.#abandoning.abort()
    this.#ending ??= this.#stop()
    await this.#ending
    await this.#leave()
  }

  /** Its processes go on, and no packet leaves or reaches it. Reports nothing to the apiserver. */
  async isolate(): Promise<void> {
    this.#report.stop()
    for (const container of this.#containers) container.stopProbes()
    await this.namespace.isolate()
  }

  /** Kills everything at once, and reports nothing to the apiserver. */
  async killSilently(): Promise<void> {
    this.#isEnding = true
    this.#report.stop()
    this.#abandoning.abort()
    await this.#begun
    await Promise.all(this.#containers.map((container) => container.stop(0)))
    await this.#leave()
  }

  async #begin(): Promise<void> {
    const { api, families, ip, join } = this.#host
    const namespace = await join()
    this.#namespace = namespace
    const ips = families.map((family) => (family === 'IPv4' ? namespace.ipv4 : namespace.ipv6))
    const podIP = ips[0] as string
    this.#addresses = { podIP, podIPs: ips.map((ip) => ({ ip })), hostIP: ip }
    mkdirSync(this.#folder, { recursive: true })
    const makeVolumes = () => Volumes.make(api, this.#self, this.#folder)
    this.#volumes = await persistently(makeVolumes, this.#abandoning.signal)
    const secrets = await persistently(() => readSecrets(api, this.object), this.#abandoning.signal)
    if (this.#isEnding) return
    this.#secrets = secrets ?? new Map()
    const { containers, restartPolicy, terminationGracePeriodSeconds } = this.object.spec
    for (const spec of containers) {
      const container = new Container({
        spec,
        podIP,
        restartPolicy,
        graceMs: terminationGracePeriodSeconds * 1_000,
        spawn: () => this.#spawn(spec),
        onChange: () => void this.#report.update(),
      })
      this.#containers.push(container)
    }
    void this.#report.update()
  }

  /** The Pod with its addresses for the downward API, even if the apiserver does not have the addresses yet. */
  get #self(): Pod {
    return { ...this.object, status: { ...this.object.status, ...this.#addresses } }
  }

  #spawn(spec: ContainerSpec): ChildProcess {
    const { apiServer, families, image } = this.#host
    const { entrypoint, env } = image(spec.image)
    const given = {
      ...env,
      KUBERNETES_SERVICE_HOST: families.includes('IPv4') ? apiServer.ipv4 : apiServer.ipv6,
      KUBERNETES_SERVICE_PORT: String(apiServer.port),
    }
    const environment = environmentOf(this.#self, spec, given, this.#secrets)
    const command = [...(spec.command ?? entrypoint), ...(spec.args ?? [])]
    const output = openSync(this.#logOf(spec), 'a')
    try {
      return this.namespace.spawn(
        command.map((word) => expand(word, environment)),
        { env: environment, mounts: this.volumes.mountsOf(spec), output },
      )
    } finally {
      closeSync(output)
    }
  }

  #logOf({ name }: ContainerSpec): string {
    return join(this.#folder, `${name}.log`)
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return
    const { uid, namespace, name } = this.object.metadata
    this.#ending = this.#stop()
    await this.#ending
    await this.#report.update()
    await this.#leave()
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`
    const now = { gracePeriodSeconds: 0, preconditions: { uid } }
    await persistently(() => this.#host.api.delete(path, now), this.#abandoning.signal)
  }

  /** Stops the containers. The minimum grace period is 1 s, as in the kubelet, even after a forced deletion. */
  async #stop(): Promise<void> {
    this.#isEnding = true
    await this.#begun
    const { metadata, spec } = this.object
    const graceSeconds = Math.max(
      1,
      metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds,
    )
    await Promise.all(this.#containers.map((container) => container.stop(graceSeconds * 1_000)))
    await this.#namespace?.flushed()
  }

  async #leave(): Promise<void> {
    const namespace = this.#namespace
    this.#namespace = undefined
    if (namespace !== undefined) await this.#host.leave(namespace)
  }

  get #phase(): PodStatus['phase'] {
    if (this.#containers.length === 0) return 'Pending'
    const codes = this.#containers.map(({ exitCode }) => exitCode)
    if (codes.includes(undefined)) return 'Running'
    return codes.every((code) => code === 0) ? 'Succeeded' : 'Failed'
  }

  get #containerStatuses(): ContainerStatus[] {
    const message = this.#failure
    if (message === undefined) return this.#containers.map(({ status }) => status)
    const state = { waiting: { reason: 'CreateContainerError', message } }
    return this.object.spec.containers.map(({ name, image }) => {
      return { name, image, imageID: image, ready: false, started: false, restartCount: 0, state }
    })
  }
}
