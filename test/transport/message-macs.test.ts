import { describe, expect, it } from 'vitest'
import { nodeHmac } from '../../src/runtime/node/runtime.ts'
import { webCryptoHmac } from '../../src/transport/signatures.ts'
import { settle } from '../support/clock.ts'
import { MAC, Side } from './exchange-side.ts'

describe.each([
  ['of the runtime', nodeHmac],
  ['of the web', webCryptoHmac],
])('a signed exchange, by the HMAC %s', (_, factory) => {
  const key = factory('known to the Pods alone')
  const pair = (mac = MAC) => ({
    opening: new Side({ key, mac, side: 'opening' }),
    accepting: new Side({ key, mac, side: 'accepting' }),
  })
  /** Lines that the opening side has signed. */
  const signed = async ({ opening }: { opening: Side }, texts: readonly string[]) => {
    for (const text of texts) opening.exchange.send(text)
    // Web Crypto works in threads.
    while (opening.duplex.lines.length < texts.length) await settle()
    return opening.duplex.lines
  }
  const take = async (side: Side, lines: readonly string[]) => {
    side.receive(lines.map((line) => `${line}\n`).join(''))
    side.end()
    while (side.ends.length === 0) await settle()
  }

  it('takes what the peer signed, in order, in both directions', async () => {
    const sides = pair()
    await take(sides.accepting, await signed(sides, ['one', 'two €', 'three']))
    expect([sides.accepting.texts, sides.accepting.ends]).toEqual([['one', 'two €', 'three'], [undefined]])
  })

  const attacks: [string, (lines: string[]) => string[], taken: string[]][] = [
    ['is left out', ([one, , three]) => [one, three] as string[], ['one']],
    ['is repeated', ([one]) => [one, one] as string[], ['one']],
    ['comes before its turn', ([one, two]) => [two, one] as string[], []],
    ['is altered', ([one, two]) => [one, `${two}!`] as string[], ['one']],
    ['has no MAC', ([one]) => [one, 'two'] as string[], ['one']],
    [
      'has a MAC of another form',
      ([one = '', two]) => [`${one.slice(0, 42)}B${one.slice(43)}`, two] as string[],
      [],
    ],
  ]
  it.each(attacks)('ends where a text %s', async (_name, alter, taken) => {
    const sides = pair()
    await take(sides.accepting, alter([...(await signed(sides, ['one', 'two', 'three']))]))
    const { accepting } = sides
    expect([accepting.texts, accepting.code, accepting.rejected]).toEqual([
      taken,
      'unauthorized',
      ['unauthorized'],
    ])
  })

  it('ends where a text is of another exchange, or of its own direction', async () => {
    const [sides, other] = [pair(), pair(`${'B'.repeat(42)}A`)]
    await take(sides.accepting, await signed(other, ['one']))
    expect([sides.accepting.texts, sides.accepting.code]).toEqual([[], 'unauthorized'])
    await take(sides.opening, await signed(pair(), ['one']))
    expect([sides.opening.texts, sides.opening.code]).toEqual([[], 'unauthorized'])
  })
})
