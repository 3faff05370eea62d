import { describe, SserError } from '../../errors.ts'
import { StatusError } from './api-objects.ts'
import { AccountFileError, CredentialsError } from './credentials.ts'

/** The request that failed. */
export interface FailedRequest {
  /** Host of the API server. */
  host: string
  namespace: string
  group: string
  resource: string
  /** Origin of the credentials: a path, or the context of a kubeconfig. */
  origin: string
}

/** Returns whether retries fail until an operator changes something. */
export function isPermanent(error: unknown): boolean {
  if (error instanceof StatusError) return error.code === 401 || error.isRejection
  return error instanceof CredentialsError
}

/** Wraps an error for the operator: the failed request, the cause and the fix. */
export function explain(error: unknown, request: FailedRequest): SserError {
  return new SserError('peer-finder-failed', `Kubernetes: ${causeAndFix(error, request)}`, { cause: error })
}

function causeAndFix(error: unknown, request: FailedRequest): string {
  const { host, namespace, group, resource, origin } = request
  const target = `${resource} in namespace "${namespace}"`
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof CredentialsError) return describe(error)
  if (error instanceof AccountFileError) return message
  if (error instanceof StatusError) {
    const status = `${error.code}: ${message}`
    if (error.code === 401) {
      return `${host} does not accept the credentials of ${origin}, though they were just read again (${status}). The token has expired without being rotated, its Pod or ServiceAccount was deleted, or it is another cluster's.`
    }
    if (error.code === 403) {
      return `this Pod may not list and watch ${target} (${status}). An API server that has just started answers so as well, for a second. Otherwise, apply this:\n\n${role({ namespace, group, resource, message })}`
    }
    if (error.code === 404) {
      return `${host} knows no ${target} (${status}). Is it a Kubernetes API server, not older than 1.21? It must grant:\n\n${role({ namespace, group, resource, message })}`
    }
    return `${host} answered ${status}`
  }
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return `${host}: ${message}`
  if (code === 'ENOENT' || code === 'EACCES') {
    return `${message}. A Pod has its token, CA and namespace there unless its spec or its ServiceAccount sets automountServiceAccountToken: false.`
  }
  const certificate = `the certificate of ${host}`
  if (code === 'CERT_NOT_YET_VALID') {
    return `${certificate}, or the CA of ${origin} that signed it, is not valid yet by the clock of this machine (${code}). Is that clock slow? It shows ${new Date().toISOString()}.`
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `${certificate}, or the CA of ${origin} that signed it, has expired by the clock of this machine (${code}). Renew it, unless that clock is fast. It shows ${new Date().toISOString()}.`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${certificate} is for other names (${code}: ${message}). KUBERNETES_SERVICE_HOST, or the server of the kubeconfig, must be one of them.`
  }
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED|TLS/.test(code)) {
    return `${certificate} is not one that the CA of ${origin} has signed (${code}). If the CA was replaced, its file here is still the old one.`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `the name of the API server, ${host}, cannot be resolved (${code}). Does a NetworkPolicy allow this Pod to reach DNS (port 53, on OpenShift 5353)?`
  }
  return `${host} cannot be reached (${code}). Is the API server up, and does a NetworkPolicy allow this Pod to reach it?`
}

/** Manifests of the missing Role. The API server's message names the ServiceAccount that sent the request. */
function role(options: { namespace: string; group: string; resource: string; message: string }): string {
  const { namespace, group, resource, message } = options
  const [, home = namespace, account = 'default'] =
    /system:serviceaccount:([^:"]+):([^:"]+)/.exec(message) ?? []
  return `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: sser, namespace: ${namespace} }
rules:
  - { apiGroups: ["${group}"], resources: [${resource}], verbs: [list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: sser, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: sser }
subjects:
  - { kind: ServiceAccount, name: ${account}, namespace: ${home} }
`
}
