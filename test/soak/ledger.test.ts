import { expect, test } from 'vitest'
import { type Due, type Fault, Ledger, messageOf } from './ledger.ts'

const A = 1
const B = 2

/** A client of streams 0 and 7, and its reported faults. */
function client() {
  const errors: [Fault, number][] = []
  const ledger = new Ledger([0, 7], (fault, _, count) => errors.push([fault, count]))
  const take = (incarnation: number, stream: number, ...numbers: number[]) => {
    for (const number of numbers) ledger.take(messageOf(incarnation, stream, number))
  }
  return { ledger, take, errors }
}

/** So many events of stream 0 are due. */
function due(incarnation: number, count: number, isOver = false): Due[] {
  return [{ incarnation, promised: [count], isOver }]
}

test('accepts events that come once, in order per incarnation and stream', () => {
  const { ledger, take, errors } = client()
  take(A, 0, 1, 2)
  take(B, 0, 1)
  take(A, 7, 1, 2)
  take(A, 0, 3)
  take(B, 0, 2)
  ledger.judge([...due(A, 3), ...due(B, 2)])
  expect(errors).toEqual([])
})

test('reports events as lost when a later one comes', () => {
  const { take, errors } = client()
  take(A, 0, 1, 4)
  expect(errors).toEqual([['lost', 2]])
})

test('reports the last events as lost when they are due', () => {
  const { ledger, take, errors } = client()
  take(A, 0, 1)
  expect(ledger.lacking(due(A, 3))).toBe(2)
  ledger.judge(due(A, 3))
  expect(errors).toEqual([['lost', 2]])
  ledger.judge(due(A, 3))
  expect(errors).toHaveLength(1)
})

test('reports a client that got no event of an incarnation', () => {
  const { ledger, errors } = client()
  ledger.judge(due(B, 1, true))
  expect(errors).toEqual([['lost', 1]])
})

test('reports an event that comes twice', () => {
  const { take, errors } = client()
  take(A, 0, 1, 2, 2, 1)
  expect(errors).toEqual([
    ['twice', 1],
    ['twice', 1],
  ])
})

test('reports an event that comes after a later one of its Pod', () => {
  const { take, errors } = client()
  take(A, 0, 1, 3, 2)
  expect(errors).toEqual([
    ['lost', 1],
    ['disordered', 1],
  ])
})

test('reports an event that comes after its incarnation was closed', () => {
  const { ledger, take, errors } = client()
  take(A, 0, 1)
  ledger.judge(due(A, 1, true))
  expect(errors).toEqual([])
  take(A, 0, 1)
  expect(errors).toEqual([['twice', 1]])
})

test('reports an event of a stream without subscription', () => {
  const { take, errors } = client()
  take(A, 3, 1)
  expect(errors).toEqual([['stray', 1]])
})

test('accepts events without a receipt, and does not require them', () => {
  const { ledger, take, errors } = client()
  take(A, 0, 1, 2, 3)
  ledger.judge(due(A, 2, true))
  expect(errors).toEqual([])
})

test('counts an event missing after a gap as reported, and only once', () => {
  const { ledger, take, errors } = client()
  take(A, 0, 1)
  ledger.takeGap()
  expect(ledger.lacking(due(A, 5))).toBe(0)
  take(A, 0, 4)
  expect(ledger).toMatchObject({ gaps: 1, told: 2 })
  expect(errors).toEqual([])
  take(A, 0, 6)
  expect(errors).toEqual([['lost', 1]])
})
