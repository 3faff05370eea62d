import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { balancedFleet, until } from './fleet.ts'
import { createApp } from './mcp.ts'

test('a change on one Pod notifies the client of another', { timeout: 30_000 }, async () => {
  await using fleet = await balancedFleet(createApp)
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } })
  let changes = 0
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    changes += 1
  })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${fleet.url}/mcp`)))
  const subscription = await client.listen({ toolsListChanged: true })
  assert.equal(subscription.honoredFilter.toolsListChanged, true)
  await fleet.fetch(2)('/tools-changed', { method: 'POST' })
  await until(() => changes === 1)
  await fleet.fetch(0)('/tools-changed', { method: 'POST' })
  await until(() => changes === 2)
  await subscription.close()
  await until(() => fleet.pod(0).sser.stats().subscriptions.open === 0)
  await client.close()
})
