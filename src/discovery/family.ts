import { isIPv6 } from 'node:net'

/** Of Pods that have both kinds of address, which one to take. */
export type Family = 'IPv4' | 'IPv6'

/** The family that this Pod has itself, as the downward API says. */
export function ownFamily(): Family | undefined {
  const { POD_IP } = process.env
  if (!POD_IP) return undefined
  return isIPv6(POD_IP) ? 'IPv6' : 'IPv4'
}
