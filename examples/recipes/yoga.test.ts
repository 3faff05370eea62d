import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events } from 'sser/testing'
import { balancedFleet, until } from './fleet.ts'
import { createApp } from './yoga.ts'

const graphql = (accept: string, query: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', accept },
  body: JSON.stringify({ query }),
})
const subscription = graphql('text/event-stream', 'subscription { order { id text } }')
const mutation = (id: number, text: string) =>
  graphql('application/json', `mutation { addOrder(id: ${id}, text: "${text}") }`)

test('a subscription receives the mutations of every Pod, and its end leaves nothing behind', {
  timeout: 30_000,
}, async () => {
  await using fleet = await balancedFleet(createApp)
  const response = fetch(`${fleet.url}/graphql`, subscription)
  const open = () => fleet.pod(0).sser.stats().subscriptions.open
  await until(() => open() === 1)
  const texts = ['tea', 'coffee', 'cake']
  for (const [index, text] of texts.entries()) {
    const answer = await fleet.fetch(index)('/graphql', mutation(index, text))
    assert.deepEqual(await answer.json(), { data: { addOrder: true } })
  }
  // The headers come with the first event.
  const client = events(await response)
  const received = (await client.take(3)).map(({ data }) => JSON.parse(data).data.order.text)
  // No order between the events of different Pods.
  assert.deepEqual(received.toSorted(), texts.toSorted())
  await client.close()
  // Yoga notices a client that has gone with its ping, after 12 seconds.
  await until(() => open() === 0)
})
