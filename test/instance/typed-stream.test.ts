import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { StandardSchemaV1, TypedItem, TypedStream } from '../../src/index.ts'
import { SserError } from '../../src/index.ts'
import { createFleet, createSser, events } from '../../src/testing.ts'
import { thrown } from '../support/subscriptions.ts'

interface Order {
  id: number
  text: string
}

const schema = v.object({ id: v.number(), text: v.optional(v.string(), 'tea') })

async function next<T>(items: AsyncIterator<TypedItem<T>, undefined>): Promise<TypedItem<T> | undefined> {
  return (await items.next()).value
}

/** The error with which a promise rejects. */
async function rejection(promise: Promise<unknown>): Promise<SserError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof SserError) return error
  throw new Error(`expected an SserError, got ${String(error)}`)
}

describe('a typed stream', () => {
  test('sends a value as JSON to clients, and gives it to the subscriptions of all Pods', async () => {
    await using fleet = await createFleet(2)
    const [first, second] = [fleet.pod(0), fleet.pod(1)]
    const client = events(await first.request('/?stream=user:7'))
    const subscription = second.sser.stream<Order>('user:7').subscribe()
    const order = { id: 1, text: 'two coffees' }
    const receipt = await first.sser.stream<Order>(`user:${7}`).send(order, { event: 'created' })
    expect(receipt.peers).toHaveLength(1)
    expect(await next(subscription)).toEqual({
      type: 'event',
      id: expect.any(String),
      stream: 'user:7',
      event: 'created',
      data: order,
    })
    expect(await client.nextEvent()).toMatchObject({ event: 'created', data: JSON.stringify(order) })
  })

  test('resumes after an id, and has the gaps of its subscription', async () => {
    await using sser = await createSser()
    await using other = await createSser()
    const orders = sser.stream<Order>('orders')
    const { id } = await orders.send({ id: 1, text: 'a' })
    await orders.send({ id: 2, text: 'b' })
    expect(await next(orders.subscribe({ after: id }))).toMatchObject({ data: { id: 2 } })
    expect(await next(orders.subscribe({ after: other.position }))).toMatchObject({
      type: 'gap',
      reason: 'unknown-id',
    })
  })

  test('ends as a subscription does', async () => {
    await using sser = await createSser()
    const orders = sser.stream('orders')
    await orders.send(1)
    for await (const item of orders.subscribe({ after: 'oldest' })) if (item.type === 'event') break
    const waiting = orders.subscribe()
    const pending = waiting.next()
    await waiting.return()
    expect(await pending).toEqual({ done: true, value: undefined })
    await expect(orders.subscribe().throw(new Error('given'))).rejects.toThrow('given')
    await orders.subscribe()[Symbol.asyncDispose]()
    expect(sser.stats().subscriptions).toMatchObject({ open: 0, opened: 4 })
  })

  test('names the option of a schema that is passed without one', async () => {
    await using sser = await createSser()
    for (const bare of [schema, Object.assign(() => {}, schema)])
      expect(thrown(() => sser.stream('a', bare as never)).message).toBe(
        'stream(): expected options such as { schema }, got the schema itself',
      )
  })

  test.each([
    ['no name', () => [''], 'stream-name-required'],
    ['a name with a line break', () => ['a\n'], 'invalid-stream-name'],
    ['an unknown option', () => ['a', { scheme: schema }], 'invalid-argument'],
    ['a schema that is none', () => ['a', { schema: { parse() {} } }], 'invalid-argument'],
  ])('throws at once for %s', async (_, args, code) => {
    await using sser = await createSser()
    expect(thrown(() => sser.stream(...(args() as [string]))).code).toBe(code)
  })

  test.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['a BigInt', 1n],
  ])('rejects %s, which is no JSON, and sends nothing', async (_, value) => {
    await using sser = await createSser()
    const error = await rejection(sser.stream<unknown>('a').send(value))
    expect(error).toMatchObject({ code: 'invalid-message', status: 400 })
    expect(error.message).toContain('sser.stream("a").send()')
    expect(sser.stats().events.sent).toBe(0)
  })
})

describe('a schema', () => {
  test('rejects a value with its issues, and nothing is sent', async () => {
    await using sser = await createSser()
    const orders = sser.stream('orders', { schema })
    const error = await rejection(orders.send({ id: 'one' } as unknown as { id: number }))
    expect(error.code).toBe('invalid-message')
    expect(error.message).toMatch(/^sser\.stream\("orders"\)\.send\(\): the schema rejects the value: "id": /)
    expect(error.cause).toEqual([expect.objectContaining({ message: expect.any(String) })])
    expect(sser.stats().events.sent).toBe(0)
  })

  test('gives the value that is sent: defaults are filled, and other fields are left out', async () => {
    await using sser = await createSser()
    const orders = sser.stream('orders', { schema })
    const subscription = orders.subscribe()
    await orders.send({ id: 1, secret: 'x' } as { id: number })
    expect(await next(subscription)).toMatchObject({ data: { id: 1, text: 'tea' } })
    const raw = sser.subscribe('orders', { after: 'oldest' })
    expect((await raw.next()).value).toMatchObject({ data: '{"id":1,"text":"tea"}' })
  })

  test('tells a subscription of an event that it rejects, or that is no JSON, and the loop goes on', async () => {
    await using sser = await createSser()
    const subscription = sser.stream('orders', { schema }).subscribe()
    await sser.send('orders', '{"id":"one"}', { event: 'created' })
    await sser.send('orders', 'two coffees')
    await sser.send('orders', '{"id":3}')
    const [first, second, third] = [
      await next(subscription),
      await next(subscription),
      await next(subscription),
    ]
    expect(first).toMatchObject({ type: 'invalid', stream: 'orders', event: 'created', data: '{"id":"one"}' })
    expect(first?.type === 'invalid' && first.error).toMatchObject({ code: 'invalid-message' })
    expect(second).toMatchObject({ type: 'invalid', data: 'two coffees', id: expect.any(String) })
    expect(third).toMatchObject({ type: 'event', data: { id: 3, text: 'tea' } })
  })

  test('can be asynchronous, and can throw', async () => {
    await using sser = await createSser()
    const asynchronous: StandardSchemaV1<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => {
          if (value === 3) throw new Error('from the schema')
          return value === 2 ? { issues: [{ message: 'not two' }] } : { value: value as number }
        },
      },
    }
    const numbers = sser.stream('numbers', { schema: asynchronous })
    const subscription = numbers.subscribe()
    await numbers.send(1)
    expect((await rejection(numbers.send(2))).message).toContain(': not two')
    await expect(numbers.send(3)).rejects.toThrow('from the schema')
    for (const data of ['2', '3', '4']) await sser.send('numbers', data)
    expect(await next(subscription)).toMatchObject({ data: 1 })
    expect(await next(subscription)).toMatchObject({ type: 'invalid', data: '2' })
    expect(await next(subscription)).toMatchObject({
      type: 'invalid',
      error: { message: expect.stringContaining('from the schema') },
    })
    expect(await next(subscription)).toMatchObject({ data: 4 })
  })
})

test('the types come from the schema, or from the type parameter', async () => {
  await using sser = await createSser()
  expectTypeOf(sser.stream<Order>('orders')).toEqualTypeOf<TypedStream<Order, Order>>()
  expectTypeOf(sser.stream('orders')).toEqualTypeOf<TypedStream<unknown, unknown>>()
  const typed = sser.stream('orders', { schema })
  expectTypeOf(typed.send).parameter(0).toEqualTypeOf<{ id: number; text?: string | undefined }>()
  const { value } = await sser
    .stream('orders', { schema, ...{} })
    .subscribe({ signal: AbortSignal.abort() })
    .next()
  if (value?.type === 'event') expectTypeOf(value.data).toEqualTypeOf<{ id: number; text: string }>()
  if (value?.type === 'invalid') expectTypeOf(value.error).toEqualTypeOf<SserError>()
  expectTypeOf(
    sser.stream<{ id: number; text: string }>('orders', {
      schema: v.object({ id: v.number(), text: v.string() }),
    }),
  ).toEqualTypeOf<TypedStream<{ id: number; text: string }>>()
  // @ts-expect-error: the type parameter holds for what is sent.
  const wrong = () => sser.stream<Order>('orders').send({ id: '1' })
  expect(wrong).toBeTypeOf('function')
})
