import { afterEach, expect, test } from 'vitest'
import { endPods, type PodProcess, type Runtime } from '../support/pod-process.ts'
import { closeRunClients } from '../support/run-client.ts'
import { KilledProducers } from './killed-producer.ts'

afterEach(async () => {
  closeRunClients()
  await endPods()
})

test.each<[Runtime[], string]>([
  [['node', 'bun', 'node'], '127.0.199.1'],
  [['bun', 'node', 'bun'], '127.0.200.1'],
])(
  'clients on every Pod read a run, and are told within seconds that its process was killed: %s',
  async (runtimes, first) => {
    const fleet = await KilledProducers.start(runtimes, first)
    const [producer, , third] = fleet.pods as [PodProcess, PodProcess, PodProcess]
    await producer.post('/start/kept', {})
    await producer.post('/write/kept', ['0', '1'])
    expect(await producer.post('/flush/kept', {})).toEqual({ held: 2 })
    await producer.post('/start/other', {})
    expect(await third.post('/cancel/other', {})).toMatchObject({ outcome: 'cancelled' })

    const { clients } = await fleet.kill(0)
    expect(clients.flatMap(({ faults, gaps }) => [...faults, ...gaps])).toEqual([])
    expect(clients.map(({ end }) => end)).toEqual(clients.map(() => ({ state: 'lost' })))
    expect(new Set(clients.map(({ nextChunk }) => nextChunk)).size).toBe(1)
  },
)
