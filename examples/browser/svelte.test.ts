import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type Readable, streamStore } from 'sser/client'
import { createSser } from 'sser/testing'
import { get, readable, type Readable as SvelteReadable } from 'svelte/store'
import { until } from './until.ts'

// docs/browser.md shows this function.
function toStore<T>(value: Readable<T>): SvelteReadable<T> {
  return readable(value.get(), (set) => {
    set(value.get())
    return value.subscribe(set)
  })
}

test('a store of the client is a store of Svelte, and its connection ends with the last subscriber', async () => {
  const sser = await createSser()
  const client = connect('/events', {
    share: false,
    fetch: async (url, init) => sser.handler(new Request(`http://pod${url}`, init)),
  })
  const sum = toStore(
    streamStore<number, number>(client, 'numbers', { initial: 0, reduce: (sum, n) => sum + n }),
  )
  let shown = -1
  const off = sum.subscribe((value) => {
    shown = value
  })
  assert.equal(shown, 0)
  await until(() => get(toStore(client.state)) === 'live')
  await sser.send('numbers', '3')
  await sser.send('numbers', '4')
  await until(() => shown === 7)
  off()
  await until(() => client.state.get() === 'connecting')
  client.close()
  await sser.stop()
})
