import { existsSync } from 'node:fs'
import { access } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type AccountFile, readAccountFile } from './account-files.ts'

/** Where a Pod finds its ServiceAccount's token, CA and namespace. */
export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What one request to the API server needs. */
export interface Access {
  server: URL
  namespace: string
  headers: Record<string, string>
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>
}

/** Where the API server is, and who asks it. */
export interface Credentials {
  /** Read anew for every request, a few an hour: a token or CA that was rotated is picked up by itself. */
  read(): Promise<Access>
  /** Where they come from, for whoever has to mend them. */
  readonly source: string
}

/** Credentials cannot be had, and trying again would not help. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
}

/**
 * What is used of a `KubeConfig` of `@kubernetes/client-node`: it is loaded by whoever makes one, and stays an
 * optional dependency.
 */
export interface KubeConfig {
  getCurrentContext(): string
  getContextObject(name: string): { namespace?: string } | null
  getCurrentCluster(): { server: string; proxyUrl?: string } | null
  getCurrentUser(): { authProvider?: { config?: { tokenFile?: string } } } | null
  applyToHTTPSOptions(options: RequestOptions): Promise<void>
}

export interface CredentialsOptions {
  kubeConfig?: KubeConfig | undefined
  serviceAccountDir: string
  namespace?: string | undefined
}

/**
 * The first of these that there is: the `kubeConfig` that was given, the file that `KUBECONFIG` names, the Pod's
 * own ServiceAccount, `~/.kube/config`.
 */
export function findCredentials(options: CredentialsOptions): Credentials {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if (options.kubeConfig !== undefined) return ofKubeConfig(options.kubeConfig, options)
  if (KUBECONFIG !== undefined && KUBECONFIG !== '') return ofFile(KUBECONFIG, options)
  if (host !== undefined && host !== '') {
    return ofServiceAccount(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, options)
  }
  const file = join(process.env.HOME || homedir(), '.kube', 'config')
  return existsSync(file) ? ofFile(file, options) : nowhere
}

/** Read by ourselves: the client library takes a quarter of a second to load, and 70 MiB (`npm run bench:kubernetes`). */
function ofServiceAccount(server: string, { serviceAccountDir, namespace }: CredentialsOptions): Credentials {
  const file = (name: AccountFile) => readAccountFile(join(serviceAccountDir, name), name)
  const { POD_NAMESPACE } = process.env
  return {
    source: serviceAccountDir,
    async read() {
      return {
        server: new URL(server),
        namespace: namespace || POD_NAMESPACE || (await file('namespace')),
        headers: { authorization: `Bearer ${await file('token')}` },
        tls: { ca: await file('ca.crt') },
      }
    },
  }
}

function ofKubeConfig(config: KubeConfig, { namespace }: CredentialsOptions): Credentials {
  const { POD_NAMESPACE } = process.env
  const context = config.getContextObject(config.getCurrentContext())
  return {
    source: `the context "${config.getCurrentContext()}" of the kubeconfig`,
    async read() {
      const cluster = config.getCurrentCluster()
      if (cluster === null) throw new CredentialsError('The kubeconfig has no current context with a cluster')
      if (!cluster.server.startsWith('https:') || cluster.proxyUrl !== undefined) {
        throw new CredentialsError(
          'Only a cluster that is reached by https: and without a proxy-url can be asked',
        )
      }
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      const { ca, cert, key, rejectUnauthorized, servername } = options
      const headers = { ...(options.headers as Record<string, string> | undefined) }
      // The library would go on with an old token for a minute, and sends a line break that is in the file.
      const tokenFile = config.getCurrentUser()?.authProvider?.config?.tokenFile
      if (tokenFile !== undefined)
        headers.Authorization = `Bearer ${await readAccountFile(tokenFile, 'token')}`
      return {
        server: new URL(cluster.server),
        namespace: namespace || POD_NAMESPACE || context?.namespace?.trim() || 'default',
        headers,
        tls: { ...defined({ ca, cert, key, rejectUnauthorized, servername }) },
      }
    },
  }
}

/** The library is loaded only where there is a file that it must read. */
function ofFile(path: string, options: CredentialsOptions): Credentials {
  let loading: Promise<Credentials> | undefined
  const refuse = (cause: unknown) => {
    throw new CredentialsError(`The kubeconfig ${path} cannot be read`, { cause })
  }
  const load = async () => {
    // Who named a file that is not there need not install anything. KUBECONFIG may name several.
    for (const file of path.split(delimiter)) if (file !== '') await access(file).catch(refuse)
    const { KubeConfig } = await import('@kubernetes/client-node').catch((cause) => {
      throw new CredentialsError(`To read the kubeconfig ${path}, npm install @kubernetes/client-node`, {
        cause,
      })
    })
    const config = new KubeConfig()
    try {
      config.loadFromDefault()
    } catch (cause) {
      refuse(cause)
    }
    return ofKubeConfig(config, options)
  }
  return {
    source: path,
    async read() {
      loading ??= load()
      return (await loading).read()
    },
  }
}

const nowhere: Credentials = {
  source: 'nowhere',
  async read() {
    throw new CredentialsError(
      'Not in a cluster: KUBERNETES_SERVICE_HOST is not set, and there is no kubeconfig. ' +
        'Outside of Kubernetes, use a LocalhostPeerFinder or a StaticPeerFinder',
    )
  },
}

/** Without what is undefined: TLS takes an `undefined` for a value. */
function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}
