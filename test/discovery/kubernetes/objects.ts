import type { StoredObject } from './api-server.ts'

/** A Pod object, in the phase Running by default. */
export function pod(
  name: string,
  ip: string,
  more: {
    uid?: string
    phase?: string
    metadata?: object
    podIPs?: readonly string[]
    conditions?: { type: string; status: string }[]
  } = {},
): StoredObject & { status: object } {
  const { metadata, phase = 'Running', podIPs = [ip], uid = `uid-${name}`, conditions } = more
  return {
    metadata: {
      name,
      uid,
      creationTimestamp: '2026-11-24T11:00:00Z',
      ...metadata,
    } as StoredObject['metadata'],
    status: {
      phase,
      podIP: ip,
      podIPs: podIPs.map((each) => ({ ip: each })),
      ...(conditions && { conditions }),
    },
  }
}

/** An endpoint of a Service: a Pod's address and its reference. */
export function endpoint(name: string, ip: string, conditions: object = { ready: true }): object {
  return { addresses: [ip], conditions, targetRef: { kind: 'Pod', name, uid: `uid-${name}` } }
}

export function slice(name: string, endpoints: readonly object[], addressType = 'IPv4'): StoredObject {
  return { metadata: { name, uid: `uid-${name}` }, addressType, endpoints } as StoredObject
}
