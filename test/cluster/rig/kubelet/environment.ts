import type { ContainerSpec, Pod } from './objects.ts'

/** What the downward API tells a Pod of itself. */
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

/** A container's variables: those given, then its own, which may name the ones before them as `$(NAME)`. */
export function environmentOf(
  pod: Pod,
  container: ContainerSpec,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment = { ...given }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { fieldRef } = valueFrom ?? {}
    if (valueFrom !== undefined && fieldRef === undefined) {
      throw new Error(`The rig's kubelet knows only fieldRef as a source of ${name}`)
    }
    environment[name] = fieldRef ? fieldOf(pod, fieldRef.fieldPath) : expand(value ?? '', environment)
  }
  return environment
}

/** Replaces `$(NAME)`. What is not known stays, and `$$(NAME)` means itself. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$?)\((\w+)\)/g, (whole, isEscaped, name) => {
    return isEscaped ? whole.slice(1) : (environment[name] ?? whole)
  })
}
