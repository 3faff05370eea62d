import { createHmac, timingSafeEqual } from 'node:crypto'
import type { MacOf } from '../mesh/mac.ts'

/** By Node's own crypto. */
export const nodeMac: MacOf = (secret) => {
  const bytesOf = (head: string, body: string) =>
    createHmac('sha256', secret).update(head).update(body).digest()
  return {
    sign: (head, body) => bytesOf(head, body).toString('base64url'),
    verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, 'base64url'), bytesOf(head, body)),
  }
}
