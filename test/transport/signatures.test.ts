import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeHmac } from '../../src/runtime/node/runtime.ts'
import { webCryptoHmac } from '../../src/transport/signatures.ts'
import { SEED } from '../support/messages.ts'

describe.each([
  ['Web Crypto', webCryptoHmac],
  ['Node', nodeHmac],
])('a signature by %s', (_, hmacFactory) => {
  it('is HMAC-SHA-256 over head and body in UTF-8, and verifies these alone', () =>
    fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.nat(255),
        async (secret, head, body, bit) => {
          const mac = hmacFactory(secret)
          const signature = await mac.sign(head, body)
          expect(signature).toBe(
            createHmac('sha256', secret)
              .update(head + body)
              .digest('base64url'),
          )
          expect(await mac.verify(signature, head, body)).toBe(true)
          const bytes = Buffer.from(signature, 'base64url')
          bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
          expect(await mac.verify(bytes.toString('base64url'), head, body)).toBe(false)
          expect(await mac.verify(signature, `${head}.`, body)).toBe(false)
          expect(await mac.verify(signature, head, `${body}.`)).toBe(false)
        },
      ),
      { seed: SEED },
    ))

  it.each([1, 64, 65, 1_000])(
    'is the same for a secret of %i bytes, and for texts of any length',
    async (bytes) => {
      const secret = 's'.repeat(bytes)
      const mac = hmacFactory(secret)
      for (const body of ['', 'é€😀', '€'.repeat(16_383), '€'.repeat(16_384), 'x'.repeat(1_000_000)]) {
        const signature = createHmac('sha256', secret).update(`h${body}`).digest('base64url')
        expect(await mac.sign('h', body)).toBe(signature)
        expect(await mac.verify(signature, 'h', body)).toBe(true)
      }
    },
  )
})
