import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * Addresses that no Pod has: loopback, unspecified, link-local and multicast. Rejected, because a forged
 * answer of DNS or of the API server could otherwise point Pods at services of their own node, such as a metadata service.
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/
 */
const NO_POD = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  NO_POD.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  NO_POD.addSubnet(network, prefix, 'ipv6')

/** An IPv4-mapped IPv6 address: `::ffff:10.0.0.1`, which URLs write as `[::ffff:a00:1]`. */
const MAPPED = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/

/**
 * Returns whether other machines can reach a Pod at this address. Rejects zones (`fe80::1%eth0`): they are local to a
 * machine.
 */
export function isAddress(text: string): boolean {
  if (isIP(text) === 0 || text.includes('%')) return false
  if (!isIPv6(text)) return !NO_POD.check(text, 'ipv4')
  const mapped = MAPPED.exec(new URL(`http://[${text}]`).hostname)
  if (mapped === null) return !NO_POD.check(text, 'ipv6')
  const groups = mapped.slice(1).map((group) => Number.parseInt(group, 16))
  return !NO_POD.check(groups.flatMap((bits) => [bits >> 8, bits & 255]).join('.'), 'ipv4')
}

/** IP family to use for Pods that have addresses of both. */
export type Family = 'IPv4' | 'IPv6'

/** Family of this Pod's own address, from `POD_IP` of the downward API. */
export function ownFamily(): Family | undefined {
  const { POD_IP } = process.env
  if (!POD_IP) return undefined
  return isIPv6(POD_IP) ? 'IPv6' : 'IPv4'
}
