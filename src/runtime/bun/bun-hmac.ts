import { timingSafeEqual } from 'node:crypto'
import type { HmacFactory } from '../../transport/signatures.ts'

/** By Bun's own crypto. */
export const bunHmac: HmacFactory = (secret) => {
  const bytesOf = (head: string, body: string) =>
    new Bun.CryptoHasher('sha256', secret).update(head).update(body).digest()
  return {
    sign: (head, body) => bytesOf(head, body).toString('base64url'),
    verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, 'base64url'), bytesOf(head, body)),
  }
}
