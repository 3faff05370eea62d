import { describe, expect, it } from 'vitest'
import { BodyBudget } from '../../src/http/body-reader.ts'
import { APPEND_MAX_BYTES } from '../../src/wire/append-message.ts'
import { settle } from '../support/clock.ts'
import { Side } from './exchange-side.ts'

const encoder = new TextEncoder()

describe('an exchange', () => {
  it('writes all texts of a turn at once, a line each', async () => {
    const side = new Side()
    side.exchange.send('one')
    side.exchange.send('two')
    expect(side.duplex.writes).toBe(0)
    expect(side.exchange.bufferedBytes).toBe(8)
    await settle()
    side.exchange.send('three')
    await settle()
    expect([side.duplex.text, side.duplex.writes]).toEqual(['one\ntwo\nthree\n', 2])
    expect(side.counts.sentBytes).toBe(14)
  })

  it.each([1, 2, 3, 7, 100])('reads texts of any characters that come in pieces of %i bytes', (size) => {
    const texts = ['a', 'é€😀', 'b'.repeat(40), '€'.repeat(30)]
    const side = new Side()
    const bytes = encoder.encode(`\n${texts.join('\n')}\n`)
    for (let i = 0; i < bytes.length; i += size) side.receive(bytes.subarray(i, i + size))
    expect(side.texts).toEqual(texts)
    side.end()
    expect(side.ends).toEqual([undefined])
  })

  it('ends its direction after the texts of the turn in which the peer ended its own', async () => {
    const side = new Side()
    side.receive('last\n')
    side.exchange.send('taken')
    side.end()
    side.exchange.send('goodbye')
    expect(side.ends).toEqual([undefined])
    await side.clock.advance(0)
    expect([side.duplex.text, side.duplex.isEnded, side.duplex.destroyedBy]).toEqual([
      'taken\ngoodbye\n',
      true,
      undefined,
    ])
    expect(side.gone).toBe(1)
  })

  it('cuts the connection of a peer that does not end its direction in time', async () => {
    const side = new Side()
    side.exchange.close()
    await side.clock.advance(4_999)
    side.receive('still here\n')
    expect(side.texts).toEqual(['still here'])
    await side.clock.advance(1)
    expect([side.duplex.isEnded, side.code, side.gone]).toEqual([true, 'peer-failed', 1])
    expect(side.duplex.destroyedBy).toBeDefined()
  })

  it('tells its handler once how it ended, and sends nothing after that', async () => {
    const reason = new Error('enough')
    const side = new Side()
    side.exchange.abort(reason)
    side.exchange.abort(new Error('again'))
    side.end(new Error('later'))
    side.receive('late\n')
    side.exchange.send('late')
    await settle()
    expect([side.ends, side.texts, side.duplex.text, side.gone]).toEqual([[reason], [], '', 1])
    expect(side.rejected).toEqual([])
  })

  it('is broken where the body ends inside a text', () => {
    const side = new Side()
    side.receive('half a te')
    side.end()
    expect([side.texts, side.code, side.rejected]).toEqual([[], 'peer-failed', []])
  })

  it('ends where its handler refuses a text, and takes no text after that', () => {
    const side = new Side()
    side.onMessage = (text) => {
      side.texts.push(text)
      if (text === 'two') throw new TypeError('no')
    }
    side.receive('one\ntwo\nthree\n')
    expect([side.texts, side.code, side.rejected]).toEqual([
      ['one', 'two'],
      'invalid-peer-message',
      ['invalid-peer-message'],
    ])
  })
})

describe('an exchange with a peer that is hostile', () => {
  it.each([
    ['empty lines', () => '\n'.repeat(1_000_000), 'invalid-peer-message'],
    ['an empty line between texts', () => 'a\n\nb\n', 'invalid-peer-message'],
    ['a text that is too long', () => `${'x'.repeat(APPEND_MAX_BYTES + 100)}\n`, 'body-too-large'],
    ['a line that never ends', () => 'x'.repeat(APPEND_MAX_BYTES + 100), 'body-too-large'],
  ])('ends at %s', (_, bytes, code) => {
    const side = new Side()
    side.receive('ok\n')
    side.receive(bytes())
    expect([side.code, side.rejected, side.gone]).toEqual([code, [code], 1])
  })

  it('ends at an empty line after a first text in two pieces', () => {
    const side = new Side()
    side.receive('first ')
    side.receive('text\n\n')
    expect([side.texts, side.code]).toEqual([['first text'], 'invalid-peer-message'])
  })

  it.each([
    ['of one line', 'x'],
    ['of a line each', '{}\n'],
  ])('ends after 4,096 small pieces, %s', (_, piece) => {
    const side = new Side()
    for (let i = 0; i < 4_096; i += 1) side.receive(piece)
    expect(side.ends).toEqual([])
    side.receive(piece)
    expect([side.code, side.rejected]).toEqual(['body-too-large', ['body-too-large']])
  })

  it('takes as many small pieces as others', () => {
    const side = new Side()
    for (let i = 0; i < 10_000; i += 1) {
      side.receive(`{"at":${i},"text"`)
      side.receive(':1}\n')
    }
    expect([side.texts.length, side.ends]).toEqual([10_000, []])
  })

  it('ends where a text does not arrive within the time limit, byte by byte or not', async () => {
    const side = new Side()
    side.receive('in time\n')
    await side.clock.advance(60_000)
    side.receive('x')
    for (let i = 0; i < 9; i += 1) {
      await side.clock.advance(1_000)
      side.receive('x')
    }
    expect(side.ends).toEqual([])
    await side.clock.advance(1_000)
    expect([side.code, side.rejected]).toEqual(['body-timeout', ['body-timeout']])
  })

  it('gives each text the whole time limit, where no piece ends with a text', async () => {
    const side = new Side()
    side.receive('"first')
    for (let i = 0; i < 30; i += 1) {
      await side.clock.advance(6_000)
      side.receive(' ends"\n"next')
    }
    expect([side.texts.length, side.ends]).toEqual([30, []])
    await side.clock.advance(10_000)
    expect(side.code).toBe('body-timeout')
  })

  it('keeps the time limit of a close while texts arrive', async () => {
    const side = new Side()
    side.exchange.close()
    await side.clock.advance(4_000)
    side.receive('"one"\n"half of another')
    await side.clock.advance(1_000)
    expect(side.code).toBe('peer-failed')
  })

  it('ends where the peer leaves more than one longest text unread', async () => {
    const side = new Side()
    side.duplex.bufferedBytes = APPEND_MAX_BYTES + 1_048_576
    side.exchange.send('a')
    await settle()
    expect(side.ends).toEqual([])
    side.duplex.bufferedBytes += 1
    side.exchange.send('b')
    await settle()
    expect([side.code, side.rejected]).toEqual(['overloaded', ['overloaded']])
  })

  it('ends the largest exchange of the heaviest address when all together buffer too much', async () => {
    const budget = new BodyBudget(1_000_000)
    const [small, large, other] = [
      new Side({ budget, address: '10.0.0.1' }),
      new Side({ budget, address: '10.0.0.1' }),
      new Side({ budget, address: '10.0.0.2' }),
    ]
    small.receive('x'.repeat(200_000))
    large.receive('x'.repeat(300_000))
    other.receive('x'.repeat(400_000))
    other.receive('x'.repeat(90_000))
    expect([small.ends, large.ends, other.ends]).toEqual([[], [], []])
    other.receive('x'.repeat(20_000))
    expect([small.code, large.code, other.code]).toEqual([undefined, 'overloaded', undefined])
    // A complete text is buffered no longer.
    other.receive('\n')
    small.receive('x'.repeat(790_000))
    expect([small.code, other.code, other.texts.length]).toEqual([undefined, undefined, 1])
  })
})
