import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Api } from '../api.ts'
import { fieldOf } from './environment.ts'
import type { ContainerSpec, Pod, ProjectedSource } from './objects.ts'

/**
 * The projected volumes of one Pod, as folders of the host. As in the kubelet, each path is a symbolic link through
 * `..data`, and a rotation replaces that link atomically, so that no reader ever sees half of it.
 *
 * An `emptyDir` needs no folder, because the Pod sees the host's files, and may write.
 */
export class Volumes {
  readonly #api: Api
  readonly #pod: Pod
  readonly #folder: string
  /** CA that replaces the cluster's CA in the volumes. */
  #ca: string | undefined

  private constructor(api: Api, pod: Pod, folder: string) {
    this.#api = api
    this.#pod = pod
    this.#folder = folder
  }

  static async make(api: Api, pod: Pod, folder: string): Promise<Volumes> {
    const volumes = new Volumes(api, pod, folder)
    await volumes.refresh()
    return volumes
  }

  /** Rewrites all volumes, with a new token. */
  async refresh(): Promise<void> {
    for (const { name, projected } of this.#pod.spec.volumes ?? []) {
      if (projected === undefined) continue
      const files = await Promise.all(projected.sources.map((source) => this.#filesOf(source)))
      await writeAtOnce(join(this.#folder, name), new Map(files.flat()))
    }
  }

  /** Replaces the CA in the volumes from now on. */
  async replaceCa(ca: string): Promise<void> {
    this.#ca = ca
    await this.refresh()
  }

  /** Folders of the host, by their path in the container. */
  mountsOf({ volumeMounts = [] }: ContainerSpec): Map<string, string> {
    const projected = new Set(this.#pod.spec.volumes?.filter((volume) => volume.projected).map((v) => v.name))
    return new Map(
      volumeMounts
        .filter(({ name }) => projected.has(name))
        .map(({ name, mountPath }) => [mountPath, join(this.#folder, name)]),
    )
  }

  async #filesOf(source: ProjectedSource): Promise<[string, string][]> {
    const { serviceAccountToken, configMap, downwardAPI } = source
    if (serviceAccountToken) return [[serviceAccountToken.path, await this.#token(serviceAccountToken)]]
    if (downwardAPI) {
      return downwardAPI.items.map(({ path, fieldRef }) => [path, fieldOf(this.#pod, fieldRef.fieldPath)])
    }
    if (!configMap) throw new Error("The rig's kubelet does not know this source of a projected volume")
    const { namespace } = this.#pod.metadata
    const path = `/api/v1/namespaces/${namespace}/configmaps/${configMap.name}`
    const { data } = await this.#api.get<{ data: Record<string, string> }>(path)
    return configMap.items.map(({ key, path }) => {
      const isCa = configMap.name === 'kube-root-ca.crt'
      return [path, (isCa && this.#ca) || (data[key] ?? '')]
    })
  }

  /** Requests a token that is valid for as long as this Pod exists. */
  async #token(source: NonNullable<ProjectedSource['serviceAccountToken']>): Promise<string> {
    const { metadata, spec } = this.#pod
    const account = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${spec.serviceAccountName}`
    const { status } = await this.#api.post<{ status: { token: string } }>(`${account}/token`, {
      spec: {
        ...(source.audience !== undefined && { audiences: [source.audience] }),
        expirationSeconds: source.expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
      },
    })
    return status.token
  }
}

async function writeAtOnce(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(folder, { recursive: true })
  const former = (await readdir(folder)).filter((name) => /^\.\.\d/.test(name))
  const next = await mkdtemp(join(folder, `..${Date.now()}-`))
  for (const [path, text] of files) await writeFile(join(next, path), text)
  await symlink(next.slice(folder.length + 1), join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  for (const path of files.keys()) {
    await symlink(join('..data', path), join(folder, path)).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  for (const name of former) await rm(join(folder, name), { recursive: true })
}
