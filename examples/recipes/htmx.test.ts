import { test } from 'node:test'
import { openOrders, skip } from './browser.ts'
import { balancedFleet } from './fleet.ts'
import { createApp } from './htmx.ts'

for (const version of ['htmx-4', 'htmx-2']) {
  test(`a page of ${version} shows what any Pod sends, and comes back after a kill, a drain, a 502 and a gap`, {
    skip,
    timeout: 25_000,
  }, async () => {
    const orders = ['bread']
    await using fleet = await balancedFleet((sser) => createApp(sser, orders))
    const order = (body: string) => fleet.fetch(2)('/orders', { method: 'POST', body })
    await using browser = await openOrders(`${fleet.url}/${version}`)
    await browser.shows('bread')
    await order('<b>tea</b>')
    await browser.shows('bread', '<b>tea</b>')
    fleet.cut()
    fleet.pod(0).kill()
    await order('coffee')
    await browser.shows('bread', '<b>tea</b>', 'coffee')
    await browser.page.route('**/events?*', (route) => route.fulfill({ status: 502 }), { times: 1 })
    await fleet.pod(1).sser.stop()
    await order('cake')
    await browser.shows('bread', '<b>tea</b>', 'coffee', 'cake')
    // The log is lost, and with it what was sent.
    fleet.cut()
    fleet.pod(2).kill()
    orders.push('milk')
    await fleet.pod(2).restart()
    await browser.shows('bread', '<b>tea</b>', 'coffee', 'cake', 'milk')
    await order('jam')
    await browser.shows('bread', '<b>tea</b>', 'coffee', 'cake', 'milk', 'jam')
  })
}
