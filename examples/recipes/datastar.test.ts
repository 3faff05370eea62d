import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openOrders, skip } from './browser.ts'
import { createApp } from './datastar.ts'
import { balancedFleet } from './fleet.ts'

test('a page of Datastar shows what any Pod sends, resumes after a kill, and begins again after a drain, a 502 and a gap', {
  skip,
  timeout: 50_000,
}, async () => {
  const orders = ['bread']
  await using fleet = await balancedFleet((sser) => createApp(sser, orders))
  const order = (body: string) => fleet.fetch(2)('/orders', { method: 'POST', body })
  await using browser = await openOrders(fleet.url)
  let lists = 0
  browser.page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/orders') lists++
  })
  await browser.shows('bread')
  await order('<b>tea</b>')
  await browser.shows('bread', '<b>tea</b>')
  fleet.cut()
  fleet.pod(0).kill()
  await order('coffee\nselector body')
  await browser.shows('bread', '<b>tea</b>', 'coffee selector body')
  assert.equal(lists, 0)
  await browser.page.route('**/orders?*', (route) => route.fulfill({ status: 502 }), { times: 1 })
  await fleet.pod(1).sser.stop()
  await order('cake')
  await browser.shows('bread', '<b>tea</b>', 'coffee selector body', 'cake')
  assert.equal(lists, 2)
  // The log is lost, and with it what was sent.
  fleet.cut()
  fleet.pod(2).kill()
  orders.push('milk')
  await fleet.pod(2).restart()
  await browser.shows('bread', '<b>tea</b>', 'coffee selector body', 'cake', 'milk')
  assert.equal(lists, 3)
  await order('jam')
  await browser.shows('bread', '<b>tea</b>', 'coffee selector body', 'cake', 'milk', 'jam')
})
