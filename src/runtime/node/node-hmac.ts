import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { HmacFactory } from '../../transport/signatures.ts'

/** By Node's own crypto. */
export const nodeHmac: HmacFactory = (secret) => {
  const key = createSecretKey(secret, 'utf8')
  const bytesOf = (head: string, body: string) => createHmac('sha256', key).update(head).update(body).digest()
  return {
    sign: (head, body) => bytesOf(head, body).toString('base64url'),
    verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, 'base64url'), bytesOf(head, body)),
  }
}
