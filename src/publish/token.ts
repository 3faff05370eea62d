import { SserError } from '../errors.ts'

const encoder = new TextEncoder()

/** Compares the token of a request with those of this Pod. */
export class PublishToken {
  readonly #digests: Promise<readonly Uint8Array[]>

  constructor(tokens: readonly string[]) {
    this.#digests = Promise.all(tokens.map(digest))
    // It is awaited at the first request.
    this.#digests.catch(() => {})
  }

  /**
   * Checks the header `Authorization`. Compares digests, and all of them, because the time of a comparison of texts tells
   * how far a guess is right.
   * @throws SserError `unauthorized`
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
   */
  async check(headers: Headers): Promise<void> {
    const [, token] = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '') ?? []
    const received = await digest(token ?? '')
    let isKnown = false
    for (const expected of await this.#digests) if (isEqual(received, expected)) isKnown = true
    if (token !== undefined && isKnown) return
    const problem = token === undefined ? 'the header is missing' : 'the token is wrong'
    throw new SserError(
      'unauthorized',
      `Expected the header "Authorization: Bearer TOKEN" with the option publishToken of this Pod; ${problem}`,
    )
  }
}

async function digest(token: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(token)))
}

/** Compares in the same time, wherever the bytes differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}
