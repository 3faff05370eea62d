import { isIP } from 'node:net'

/** Whether a peer can be called by it: one with a zone, `fe80::1%eth0`, means something on its own machine only. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%')
}
