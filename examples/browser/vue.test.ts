import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type Readable, streamStore } from 'sser/client'
import { createSser } from 'sser/testing'
import { effectScope, onScopeDispose, type ShallowRef, shallowRef } from 'vue'
import { until } from './until.ts'

// docs/browser.md shows this function.
function useReadable<T>(readable: Readable<T>): Readonly<ShallowRef<T>> {
  const value = shallowRef(readable.get())
  onScopeDispose(
    readable.subscribe((next) => {
      value.value = next
    }),
  )
  return value
}

test('a store of the client is a ref of Vue, and its connection ends with the scope', async () => {
  const sser = await createSser()
  const client = connect('/events', {
    share: false,
    fetch: async (url, init) => sser.handler(new Request(`http://pod${url}`, init)),
  })
  const store = streamStore<number, number>(client, 'numbers', { initial: 0, reduce: (sum, n) => sum + n })
  const scope = effectScope()
  const [sum, state] =
    scope.run(() => [useReadable(store), useReadable(client.state)] as const) ?? assert.fail()
  await until(() => state.value === 'live')
  await sser.send('numbers', '3')
  await sser.send('numbers', '4')
  await until(() => sum.value === 7)
  scope.stop()
  await until(() => client.state.get() === 'connecting')
  client.close()
  await sser.stop()
})
