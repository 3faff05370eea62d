import type { Client } from 'sser/client'
import { useConnection, useRun, useStream } from 'sser/react'

declare const client: Client
declare function show(text: string): void

const order: { id: number } | undefined = useStream<{ id: number }>(client, 'orders')
const ids: number[] = useStream<{ id: number }, number[]>(client, 'orders', {
  initial: [],
  reduce: (ids, { id }) => [...ids, id],
})
const { value, status, cancel } = useRun(client, undefined)
show(`${order?.id} ${ids.length} ${value.toUpperCase()} ${status} ${cancel} ${useConnection(client)}`)

// @ts-expect-error Before the first event there is no value.
useStream<{ id: number }>(client, 'orders').id
// @ts-expect-error Without `initial` and `reduce` a snapshot has nowhere to go.
useStream<number>(client, 'orders', { snapshot: () => ({ position: '' }) })
// @ts-expect-error The client comes first.
useStream('orders')
// @ts-expect-error The text of a run is a string.
show(useRun(client, 'chat').value.length)
