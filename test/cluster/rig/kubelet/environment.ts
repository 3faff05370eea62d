import { type Api, ApiError } from '../api.ts'
import type { ContainerSpec, Pod, VariableSource } from './objects.ts'

/** Value of a field of the Pod in the downward API. */
export function fieldOf(pod: Pod, path: string): string {
  const { metadata, spec, status } = pod
  const [, label] = /^metadata\.labels\['(.+)'\]$/.exec(path) ?? []
  if (label !== undefined) return metadata.labels?.[label] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata.name
    case 'metadata.namespace':
      return metadata.namespace
    case 'metadata.uid':
      return metadata.uid
    case 'spec.nodeName':
      return spec.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec.serviceAccountName
    case 'status.hostIP':
      return status.hostIP ?? ''
    case 'status.podIP':
      return status.podIP ?? ''
    case 'status.podIPs':
      return (status.podIPs ?? []).map(({ ip }) => ip).join()
    default:
      throw new Error(`The rig's kubelet does not know the field ${path}`)
  }
}

/** A container's variables: `given`, then its own, which may refer to earlier variables as `$(NAME)`. */
export function environmentOf(
  pod: Pod,
  container: ContainerSpec,
  given: Readonly<Record<string, string>>,
  secrets: Secrets,
): Record<string, string> {
  const environment = { ...given }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found =
      valueFrom === undefined ? expand(value ?? '', environment) : valueFor(name, valueFrom, pod, secrets)
    if (found !== undefined) environment[name] = found
  }
  return environment
}

/** Value of a variable; undefined if the container starts without the variable. */
function valueFor(name: string, source: VariableSource, pod: Pod, secrets: Secrets): string | undefined {
  const { fieldRef, secretKeyRef } = source
  if (fieldRef !== undefined) return fieldOf(pod, fieldRef.fieldPath)
  if (secretKeyRef === undefined) {
    throw new Error(`The rig's kubelet knows only fieldRef and secretKeyRef as a source of ${name}`)
  }
  const { name: secret, key, optional } = secretKeyRef
  const value = secrets.get(secret)?.[key]
  if (value !== undefined) return value
  if (optional === true) return undefined
  throw new Error(`The secret ${secret} has no key ${key}, which the variable ${name} wants`)
}

/** Values of the secrets that a Pod's containers refer to, by the name of the secret. */
export type Secrets = ReadonlyMap<string, Readonly<Record<string, string>>>

/** Reads the secrets from the apiserver. Omits a secret that does not exist. */
export async function readSecrets(api: Api, { metadata, spec }: Pod): Promise<Secrets> {
  const references = spec.containers.flatMap(({ env = [] }) =>
    env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
  )
  const secrets = new Map<string, Record<string, string>>()
  for (const name of new Set(references.map((reference) => reference.name))) {
    const path = `/api/v1/namespaces/${metadata.namespace}/secrets/${name}`
    const found = await api.get<{ data?: Record<string, string> }>(path).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    })
    if (found === undefined) continue
    const values = Object.entries(found.data ?? {}).map(([key, value]) => [key, atob(value)])
    secrets.set(name, Object.fromEntries(values))
  }
  return secrets
}

/** Replaces `$(NAME)`. An unknown variable stays as it is, and `$$(NAME)` is an escaped `$(NAME)`. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$?)\((\w+)\)/g, (whole, isEscaped, name) => {
    return isEscaped ? whole.slice(1) : (environment[name] ?? whole)
  })
}
