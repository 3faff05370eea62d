/**
 * HMAC-SHA-256 with one secret over a head followed by a body, which may be long. Its text is base64url without
 * padding: 43 characters.
 */
export interface Hmac {
  sign(head: string, body: string): string | Promise<string>
  /** Compares in constant time. `mac` has 43 characters of base64url. */
  verify(mac: string, head: string, body: string): boolean | Promise<boolean>
}

/** Creates the {@link Hmac} of a secret. */
export type HmacFactory = (secret: string) => Hmac

const HMAC = { name: 'HMAC', hash: 'SHA-256' }

const encoder = new TextEncoder()

/**
 * HMAC by Web Crypto, for runtimes without a leaner one: its threads cost more than the hash.
 * @see https://www.rfc-editor.org/rfc/rfc2104
 */
export const webCryptoHmac: HmacFactory = (secret) => {
  const key = crypto.subtle.importKey('raw', encoder.encode(secret), HMAC, false, ['sign', 'verify'])
  return {
    async sign(head, body) {
      const bytes = new Uint8Array(await crypto.subtle.sign('HMAC', await key, encoder.encode(head + body)))
      return btoa(String.fromCharCode(...bytes))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replace('=', '')
    },
    async verify(mac, head, body) {
      const base64 = mac.replaceAll('-', '+').replaceAll('_', '/')
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
      return crypto.subtle.verify('HMAC', await key, bytes, encoder.encode(head + body))
    },
  }
}
