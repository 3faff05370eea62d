import { describe, expect, test } from 'vitest'
import type { Receipt } from '../../src/index.ts'
import type { StreamClient } from '../support/stream-client.ts'
import type { Sent } from './sender.ts'
import { judge } from './verdict.ts'

type Status = 'delivered' | 'failed'

function receipt(seq: number, ...statuses: Status[]): Receipt {
  const peers = statuses.map((status) => ({ peer: 'a:7000', status }))
  return { id: `abcde${seq}-0`, duplicate: false, connections: 0, peers }
}

function sent(number: number, more: Partial<Sent> = {}): Sent {
  const usual = { stream: 'a', msg: `event ${number}`, at: 0, isOrphan: false }
  return { ...usual, receipt: receipt(number, 'delivered'), ...more }
}

function client(numbers: number[], more: Partial<StreamClient> = {}): StreamClient {
  const received = numbers.map((number) => ({ id: '', msg: `event ${number}`, at: 0 }))
  return {
    streams: ['a'],
    received,
    gaps: [],
    gapNotices: [],
    failure: undefined,
    ...more,
  } as unknown as StreamClient
}

test('all is well when a client has everything once', () => {
  expect(judge([sent(1), sent(2), sent(3, { stream: 'b' })], [client([1, 2])])).toEqual({
    lost: [],
    twice: [],
    disordered: [],
    gaps: [],
    gaveUp: [],
    promised: 3,
    unknown: 0,
    received: 2,
  })
})

test('a missing event is lost', () => {
  expect(judge([sent(1), sent(2)], [client([1])]).lost).toEqual(['client 0 of a: event 2'])
})

describe('a gap notice excuses a missing event', () => {
  const gapAt = (at: number, received: number) => ({ gaps: ['trimmed'], gapNotices: [{ at, received }] })
  const events = [sent(1, { at: 10 }), sent(2, { at: 20 }), sent(3, { at: 30 })]

  test('that was sent before it', () => {
    expect(judge(events, [client([1, 3], gapAt(25, 1))])).toMatchObject({ lost: [], gaps: ['trimmed'] })
  })

  test('but none that was sent after it', () => {
    expect(judge(events, [client([1], gapAt(25, 1))]).lost).toEqual(['client 0 of a: event 3'])
  })

  test('but none that a later event of the same Pod preceded', () => {
    expect(judge(events, [client([1, 3], gapAt(35, 2))]).lost).toEqual(['client 0 of a: event 2'])
  })

  test('and another notice does not take that away', () => {
    const twice = {
      gaps: ['peer-loss', 'peer-loss'],
      gapNotices: [...gapAt(25, 1).gapNotices, { at: 40, received: 2 }],
    }
    expect(judge(events, [client([1, 3], twice)]).lost).toEqual([])
  })
})

test('an event without a receipt may be missing, and one that only a killed Pod held', () => {
  const nowhere = receipt(2, 'failed')
  expect(judge([sent(1, { receipt: undefined })], [client([])])).toMatchObject({ lost: [], unknown: 1 })
  expect(judge([sent(2, { receipt: nowhere, isOrphan: true })], [client([])]).lost).toEqual([])
  expect(judge([sent(2, { receipt: nowhere })], [client([])]).lost).toHaveLength(1)
  expect(judge([sent(2, { isOrphan: true })], [client([])]).lost).toHaveLength(1)
})

test('a copy is noticed, and an order that was not its Pod’s, and a client that gave up', () => {
  expect(judge([sent(1), sent(2)], [client([1, 2, 1])]).twice).toEqual(['client 0 of a: event 1'])
  expect(judge([sent(1), sent(2)], [client([2, 1])]).disordered).toEqual(['client 0 of a: event 1'])
  expect(judge([], [client([], { failure: '503: Non-200' })]).gaveUp).toEqual(['client 0 of a: 503: Non-200'])
})
