// Each line below compiles, or is a mistake that the compiler finds: `@ts-expect-error` fails where there is no error.
import { ClientError, connect, runStore, streamStore } from 'sser/client'
import type { StandardSchemaV1 } from './standard-schema.js'

interface Order {
  id: number
  text?: string
}

declare const orderSchema: StandardSchemaV1<unknown, Order>
declare function show(text: string): void

const client = connect('/events', {
  headers: async ({ status, signal }) => ({ authorization: `Bearer ${status ?? ''}${signal.aborted}` }),
  credentials: 'include',
  user: undefined,
  cancelRun: (name) => name.length,
  onError: (error) => show(error.code === 'refused' ? `${error.status} ${error.reason}` : error.message),
  onGap: ({ reason }) => show(reason),
})
connect('/events', { headers: { authorization: 'Bearer 1' } })

const orders = client.stream<Order>('orders')
const off: () => void = orders.on((order, { event, id, stream }) =>
  show(`${order.id} ${event} ${id} ${stream}`),
)
off()
client.stream('orders', { schema: orderSchema }).on((order) => show(order.id.toFixed()))
client
  .stream<Order, { position: string; orders: Order[] }>('orders', {
    snapshot: ({ signal, gap }) => ({ position: `${signal.aborted}${gap}`, orders: [] }),
    onSnapshot: ({ orders }) => show(`${orders.length}`),
  })
  .on((order) => show(`${order.id}`))
for await (const order of orders) show(order.id.toFixed())
for await (const text of client.run('chat')) show(text.toUpperCase())
for await (const part of client.run('chat', { parse: (text) => ({ part: text.length }) }))
  show(part.part.toFixed())
const sum: number = streamStore<Order, number>(client, 'orders', {
  initial: 0,
  reduce: (sum, { id }) => sum + id,
}).get()
const { value, status } = runStore<string, number>(client, 'chat', { initial: 0, reduce: (n) => n + 1 }).get()
show(
  `${sum} ${value} ${status} ${client.state.get()} ${new ClientError({ code: 'network', message: '' }).code}`,
)

// @ts-expect-error An option that does not exist.
connect('/events', { header: {} })
// @ts-expect-error A value of the wrong type.
connect('/events', { heartbeatMs: '15s' })
// @ts-expect-error Headers are texts.
connect('/events', { headers: async () => ({ authorization: 1 }) })
// @ts-expect-error A payload without a type is unknown.
client.stream('orders').on((order) => show(order.id))
// @ts-expect-error An order has no such field.
orders.on((order) => show(order.name))
// @ts-expect-error The schema and the type differ.
client.stream<string>('orders', { schema: orderSchema })
// @ts-expect-error A snapshot has a position.
client.stream<Order>('orders', { snapshot: async () => ({ orders: [] }) })
// @ts-expect-error The snapshot has no such field.
client.stream<Order, { position: string }>('orders', { onSnapshot: ({ orders }) => show(orders) })
// @ts-expect-error There is no such state.
if (client.state.get() === 'open') show('open')
// @ts-expect-error A page cannot set the state.
client.state.set('live')
// @ts-expect-error The chunks of a run are texts.
for await (const part of client.run('chat')) show(part.part)
// @ts-expect-error A store needs a first value.
streamStore<Order, number>(client, 'orders', { reduce: (sum) => sum })
// @ts-expect-error There is no such code.
if (new ClientError({ code: 'network', message: '' }).code === 'oops') show('')
