import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { ClientRetryPlugin, type ClientRetryPluginContext } from '@orpc/client/plugins'
import type { RouterClient } from '@orpc/server'
import { balancedFleet } from './fleet.ts'
import { createApp, type createRouter } from './orpc.ts'

type Client = RouterClient<ReturnType<typeof createRouter>, ClientRetryPluginContext>

test('an iterator receives what any Pod publishes, and resumes after a kill', {
  timeout: 30_000,
}, async () => {
  await using fleet = await balancedFleet(createApp)
  const plugins = [new ClientRetryPlugin({ default: { retry: 10, retryDelay: 50 } })]
  const client: Client = createORPCClient(new RPCLink({ url: `${fleet.url}/rpc`, plugins }))
  const sender: Client = createORPCClient(
    new RPCLink({ url: `${fleet.url}/rpc`, fetch: fleet.fetch(2) as typeof fetch }),
  )
  const orders = await client.onOrder()
  const text = async () => (await orders.next()).value?.text
  const first = text()
  while (fleet.pod(0).sser.stats().subscriptions.open === 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
  await sender.addOrder({ id: 1, text: 'tea' })
  assert.equal(await first, 'tea')
  fleet.pod(0).kill()
  await sender.addOrder({ id: 2, text: 'coffee' })
  assert.equal(await text(), 'coffee')
  await sender.addOrder({ id: 3, text: 'cake' })
  assert.equal(await text(), 'cake')
  await orders.return?.(undefined as never)
})
