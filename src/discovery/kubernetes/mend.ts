import { describe, SserError } from '../../errors.ts'
import { AccountFileError } from './account-files.ts'
import { StatusError } from './answer.ts'
import { CredentialsError } from './credentials.ts'

/** Where something failed. */
export interface Place {
  /** The API server. */
  host: string
  namespace: string
  group: string
  resource: string
  /** Where the credentials come from. */
  source: string
}

/** Whether asking again is in vain until somebody mends something. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof StatusError) return error.code === 401 || error.isRefusal
  return error instanceof CredentialsError
}

/** An error for whoever runs the Pod: what failed, and what they can do about it. */
export function mend(error: unknown, place: Place): SserError {
  return new SserError('peer-finder-failed', `Kubernetes: ${say(error, place)}`, { cause: error })
}

function say(error: unknown, { host, namespace, group, resource, source }: Place): string {
  const what = `${resource} in namespace "${namespace}"`
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof CredentialsError) return describe(error)
  if (error instanceof AccountFileError) return message
  if (error instanceof StatusError) {
    const answer = `${error.code}: ${message}`
    if (error.code === 401) {
      return `${host} does not accept the credentials of ${source}, though they were just read again (${answer}). The token has expired without being rotated, its Pod or ServiceAccount was deleted, or it is another cluster's.`
    }
    if (error.code === 403) {
      return `this Pod may not list and watch ${what} (${answer}). An API server that has only just started says so, too, for a second. Otherwise, apply this:\n\n${role({ namespace, group, resource, message })}`
    }
    if (error.code === 404) {
      return `${host} knows no ${what} (${answer}). Is it a Kubernetes API server, not older than 1.21? What it must allow:\n\n${role({ namespace, group, resource, message })}`
    }
    return `${host} answered ${answer}`
  }
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return `${host}: ${message}`
  if (code === 'ENOENT' || code === 'EACCES') {
    return `${message}. A Pod has its token, CA and namespace there unless its spec, or its ServiceAccount, says automountServiceAccountToken: false.`
  }
  const certificate = `the certificate of ${host}`
  if (code === 'CERT_NOT_YET_VALID') {
    return `${certificate}, or the CA of ${source} that signed it, is not valid yet by the clock of this machine (${code}). Is that clock slow? It says ${new Date().toISOString()}.`
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `${certificate}, or the CA of ${source} that signed it, has expired by the clock of this machine (${code}). Renew it, unless that clock is fast. It says ${new Date().toISOString()}.`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${certificate} is for other names (${code}: ${message}). KUBERNETES_SERVICE_HOST, or the server of the kubeconfig, must be one of them.`
  }
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED|TLS/.test(code)) {
    return `the certificate of ${host} is not one that the CA of ${source} vouches for (${code}). If the CA was replaced, its file here is still the old one.`
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `the name of the API server, ${host}, cannot be resolved (${code}). Does a NetworkPolicy allow this Pod to reach DNS (port 53, on OpenShift 5353)?`
  }
  return `${host} cannot be reached (${code}). Is the API server up, and does a NetworkPolicy allow this Pod to reach it?`
}

/** What an administrator applies. The server's refusal names who asked, where that is a ServiceAccount. */
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
