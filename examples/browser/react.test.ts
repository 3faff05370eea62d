import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { act, createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { create } from 'react-test-renderer'
import { connect } from 'sser/client'
import { useConnection, useRun, useStream } from 'sser/react'
import { createSser } from 'sser/testing'
import { until } from './until.ts'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

interface Order {
  id: number
  text: string
}

/** A server without a port, and a client of it that counts its requests. */
async function served() {
  const sser = await createSser()
  const orders: Order[] = [{ id: 1, text: 'two coffees' }]
  const app = new Hono()
  app.route('/events', sser.routes)
  app.get('/orders', (c) => c.json({ position: sser.position, orders }))
  const requests: string[] = []
  const client = connect('/events', {
    share: false,
    async fetch(url, init) {
      requests.push(url)
      return app.request(url, init)
    },
  })
  const send = async (order: Order) => {
    orders.push(order)
    await sser.send('orders', JSON.stringify(order))
  }
  return { sser, app, client, requests, send }
}

test('a list from a snapshot and the events after it, in strict mode, on one connection', async () => {
  const { sser, app, client, requests, send } = await served()
  const renders: string[] = []
  let snapshots = 0
  function Orders() {
    const state = useConnection(client)
    const orders = useStream<Order, Order[], { position: string; orders: Order[] }>(client, 'orders', {
      initial: [],
      snapshot: () => {
        snapshots += 1
        return app.request('/orders') as Promise<Response>
      },
      fromSnapshot: (snapshot) => snapshot.orders,
      reduce: (all, order) => [...all, order],
    })
    const text = `${state}: ${orders.map(({ text }) => text).join(', ')}`
    renders.push(text)
    return createElement('p', null, text)
  }
  const page = () => createElement(StrictMode, null, createElement(Orders))
  assert.equal(renderToString(page()), '<p>connecting: </p>')
  assert.deepEqual(requests, [])

  const rendered = await act(async () => create(page()))
  await until(() => renders.at(-1) === 'live: two coffees', act)
  await act(async () => send({ id: 2, text: 'one tea' }))
  await until(() => renders.at(-1) === 'live: two coffees, one tea', act)
  assert.equal(requests.length, 1)
  assert.equal(snapshots, 1)
  await act(async () => rendered.unmount())
  client.close()
  await sser.stop()
})

test('the newest value of a stream, and another stream after a change of the name', async () => {
  const { sser, client } = await served()
  let shown: unknown
  function Newest({ name }: { name: string }) {
    shown = useStream<number>(client, name)
    return null
  }
  const rendered = await act(async () => create(createElement(Newest, { name: 'a' })))
  await until(() => client.state.get() === 'live', act)
  await sser.send('a', '1')
  await until(() => shown === 1, act)
  await act(async () => rendered.update(createElement(Newest, { name: 'b' })))
  assert.equal(shown, undefined)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await sser.send('b', '2')
  await until(() => shown === 2, act)
  await act(async () => rendered.unmount())
  client.close()
  await sser.stop()
})

test('a run without a name is idle, and one that the server does not know has stopped', async () => {
  const { sser, client } = await served()
  let shown: unknown
  function Answer({ name }: { name: string | undefined }) {
    const { value, status } = useRun(client, name)
    shown = [value, status]
    return null
  }
  const rendered = await act(async () => create(createElement(Answer, { name: undefined })))
  assert.deepEqual(shown, ['', 'idle'])
  await act(async () => rendered.update(createElement(Answer, { name: 'chat:1' })))
  await until(() => JSON.stringify(shown) === '["","stopped"]', act)
  await act(async () => rendered.unmount())
  client.close()
  await sser.stop()
})
