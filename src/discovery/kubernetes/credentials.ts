import { existsSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Folder in a Pod with the token, CA and namespace of its ServiceAccount. */
export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Address, headers and TLS settings for one request to the API server. */
export interface ApiAccess {
  server: URL
  namespace: string
  headers: Record<string, string>
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>
}

/** Source of the access data for the API server. */
export interface Credentials {
  /** Reads the files again for every request, a few an hour, so that a rotated token or CA needs no restart. */
  read(): Promise<ApiAccess>
  /** A path, or the context of a kubeconfig, for error messages. */
  readonly origin: string
}

/** No credentials are available, and a retry would not change that. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
}

/** The methods used of a `KubeConfig` of `@kubernetes/client-node`, which stays an optional dependency. */
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
 * Takes the first that exists: the option `kubeConfig`, the file that `KUBECONFIG` names, the Pod's own ServiceAccount,
 * `~/.kube/config`.
 */
export function findCredentials(options: CredentialsOptions): Credentials {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  if (options.kubeConfig !== undefined) return fromKubeConfig(options.kubeConfig, options)
  if (KUBECONFIG !== undefined && KUBECONFIG !== '') return fromFile(KUBECONFIG, options)
  if (host !== undefined && host !== '') {
    return fromServiceAccount(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, options)
  }
  const file = join(process.env.HOME || homedir(), '.kube', 'config')
  return existsSync(file) ? fromFile(file, options) : noCredentials
}

/** Uses no client library, because loading it takes 250 ms and 70 MiB (`npm run bench:kubernetes`). */
function fromServiceAccount(
  server: string,
  { serviceAccountDir, namespace }: CredentialsOptions,
): Credentials {
  const file = (name: AccountFile) => readAccountFile(join(serviceAccountDir, name), name)
  const { POD_NAMESPACE } = process.env
  return {
    origin: serviceAccountDir,
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

function fromKubeConfig(config: KubeConfig, { namespace }: CredentialsOptions): Credentials {
  const { POD_NAMESPACE } = process.env
  const context = config.getContextObject(config.getCurrentContext())
  return {
    origin: `the context "${config.getCurrentContext()}" of the kubeconfig`,
    async read() {
      const cluster = config.getCurrentCluster()
      if (cluster === null) throw new CredentialsError('The kubeconfig has no current context with a cluster')
      if (!cluster.server.startsWith('https:') || cluster.proxyUrl !== undefined) {
        throw new CredentialsError(
          `The kubeconfig's cluster needs a server with https: and no proxy-url, got ${cluster.server}`,
        )
      }
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      const { ca, cert, key, rejectUnauthorized, servername } = options
      const headers = { ...(options.headers as Record<string, string> | undefined) }
      // Read here, because the library caches the token for a minute, and sends a line break at the end of the file.
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

/** Loads the library only when there is a kubeconfig to read. */
function fromFile(path: string, options: CredentialsOptions): Credentials {
  let loading: Promise<Credentials> | undefined
  const fail = (cause: unknown) => {
    throw new CredentialsError(`The kubeconfig ${path} cannot be read`, { cause })
  }
  const load = async () => {
    // Checked first, because a missing file must not be reported as a missing package. KUBECONFIG may list several.
    for (const file of path.split(delimiter)) if (file !== '') await access(file).catch(fail)
    const { KubeConfig } = await import('@kubernetes/client-node').catch((cause) => {
      throw new CredentialsError(`To read the kubeconfig ${path}, npm install @kubernetes/client-node`, {
        cause,
      })
    })
    const config = new KubeConfig()
    try {
      config.loadFromDefault()
    } catch (cause) {
      fail(cause)
    }
    return fromKubeConfig(config, options)
  }
  return {
    origin: path,
    async read() {
      loading ??= load()
      return (await loading).read()
    },
  }
}

const noCredentials: Credentials = {
  origin: 'nowhere',
  async read() {
    throw new CredentialsError(
      'Not in a cluster: KUBERNETES_SERVICE_HOST is not set, and there is no kubeconfig. ' +
        'Outside of Kubernetes, leave out peerFinder for a single Pod, or use a StaticPeerFinder or a DnsPeerFinder',
    )
  },
}

/** Drops undefined properties, because `node:tls` takes `undefined` for a value. */
function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** Files of a ServiceAccount. */
export type AccountFile = 'token' | 'ca.crt' | 'namespace'

/** Pattern of each file's content, and the complaint if the content does not match. */
const FILES: Readonly<Record<AccountFile, readonly [RegExp, string]>> = {
  /** The characters that a header can carry. */
  token: [/^[!-~]+$/, 'no token'],
  /** Required, because without a CA both runtimes would trust every public authority, and send it the token. */
  'ca.crt': [/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/, 'no certificate'],
  namespace: [/^[a-z0-9-]{1,63}$/, 'no name of a namespace'],
}

/** A file exists with unusable content, for example while it is being written. The next request reads it again. */
export class AccountFileError extends Error {
  override readonly name = 'AccountFileError'
}

/** Reads a file of a ServiceAccount, without the line break at its end. @throws AccountFileError with the path. */
export async function readAccountFile(path: string, kind: AccountFile): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim()
  const [pattern, complaint] = FILES[kind]
  if (!pattern.test(text)) {
    throw new AccountFileError(
      `The file ${path} holds ${complaint}: ${text === '' ? 'it is empty' : 'its content is something else'}`,
    )
  }
  return text
}
