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

test('accepts a client that has every event once', () => {
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

test('reports a missing event as lost', () => {
  expect(judge([sent(1), sent(2)], [client([1])]).lost).toEqual(['client 0 of a: event 2'])
})

describe('a gap notice', () => {
  const gapAt = (at: number, received: number) => ({ gaps: ['trimmed'], gapNotices: [{ at, received }] })
  const events = [sent(1, { at: 10 }), sent(2, { at: 20 }), sent(3, { at: 30 })]

  test('excuses an event that was sent before it', () => {
    expect(judge(events, [client([1, 3], gapAt(25, 1))])).toMatchObject({ lost: [], gaps: ['trimmed'] })
  })

  test('does not excuse an event that was sent after it', () => {
    expect(judge(events, [client([1], gapAt(25, 1))]).lost).toEqual(['client 0 of a: event 3'])
  })

  test('does not excuse events older than one already received from their Pod', () => {
    expect(judge(events, [client([1, 3], gapAt(35, 2))]).lost).toEqual(['client 0 of a: event 2'])
  })

  test('still excuses an event after a further notice', () => {
    const twice = {
      gaps: ['peer-loss', 'peer-loss'],
      gapNotices: [...gapAt(25, 1).gapNotices, { at: 40, received: 2 }],
    }
    expect(judge(events, [client([1, 3], twice)]).lost).toEqual([])
  })
})

test('permits missing events without a receipt, or only on a killed Pod', () => {
  const nowhere = receipt(2, 'failed')
  expect(judge([sent(1, { receipt: undefined })], [client([])])).toMatchObject({ lost: [], unknown: 1 })
  expect(judge([sent(2, { receipt: nowhere, isOrphan: true })], [client([])]).lost).toEqual([])
  expect(judge([sent(2, { receipt: nowhere })], [client([])]).lost).toHaveLength(1)
  expect(judge([sent(2, { isOrphan: true })], [client([])]).lost).toHaveLength(1)
})

test('reports duplicates, wrong order and clients that gave up', () => {
  expect(judge([sent(1), sent(2)], [client([1, 2, 1])]).twice).toEqual(['client 0 of a: event 1'])
  expect(judge([sent(1), sent(2)], [client([2, 1])]).disordered).toEqual(['client 0 of a: event 1'])
  expect(judge([], [client([], { failure: '503: Non-200' })]).gaveUp).toEqual(['client 0 of a: 503: Non-200'])
})
