import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTRPCClient, httpLink, httpSubscriptionLink, splitLink } from '@trpc/client'
import { EventSource } from 'eventsource'
import { balancedFleet, until } from './fleet.ts'
import { type AppRouter, createApp } from './trpc.ts'

test('a subscription receives what any Pod sends, and resumes after a kill and after a stop', {
  timeout: 30_000,
}, async () => {
  await using fleet = await balancedFleet(createApp)
  const url = `${fleet.url}/trpc`
  const client = createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === 'subscription',
        true: httpSubscriptionLink({ url, EventSource }),
        false: httpLink({ url, fetch: fleet.fetch(2) as typeof fetch }),
      }),
    ],
  })
  const received: string[] = []
  const subscription = client.onOrder.subscribe(undefined, {
    onData: ({ data }) => received.push(data.type === 'order' ? data.order.text : data.type),
    onError: (error) => received.push(`error: ${error.message}`),
    onComplete: () => received.push('complete'),
  })
  await until(() => received.includes('open'))
  await client.addOrder.mutate({ id: 1, text: 'tea' })
  await until(() => received.includes('tea'))
  fleet.pod(0).kill()
  await client.addOrder.mutate({ id: 2, text: 'coffee' })
  await until(() => received.includes('coffee'))
  await fleet.pod(1).sser.stop()
  await client.addOrder.mutate({ id: 3, text: 'cake' })
  await until(() => received.includes('cake'))
  assert.deepEqual(
    received.filter((each) => each !== 'open'),
    ['tea', 'coffee', 'cake'],
  )
  subscription.unsubscribe()
})

test('an id that the client has invented is its mistake', { timeout: 30_000 }, async () => {
  await using fleet = await balancedFleet(createApp)
  const input = encodeURIComponent(JSON.stringify({ lastEventId: 'invented' }))
  const response = await fleet.fetch(0)(`/trpc/onOrder?input=${input}`)
  assert.match(await response.text(), /BAD_REQUEST/)
})
