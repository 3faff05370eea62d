import { afterAll, beforeAll, expect, test } from 'vitest'
import { Api, type ApiObject } from './api.ts'
import { ControlPlane } from './control-plane.ts'
import { Network, remains } from './network.ts'

interface Namespaces {
  metadata: { resourceVersion: string }
  items: ApiObject[]
}

let network: Network
let controlPlane: ControlPlane

beforeAll(async () => {
  network = await Network.create()
  controlPlane = await ControlPlane.start(network)
})

afterAll(async () => {
  await controlPlane?.stop()
  await network?.remove()
  expect(await remains()).toEqual([])
})

test('an apiserver with a compacted history rejects old resource versions', async () => {
  const { api } = controlPlane
  const before = await api.get<Namespaces>('/api/v1/namespaces')
  await api.post('/api/v1/namespaces', { metadata: { name: 'one-more' } })
  await controlPlane.stopApi()
  await controlPlane.compact()
  await controlPlane.startApi()
  const after = await api.get<Namespaces>('/api/v1/namespaces')
  expect(after.items.map(({ metadata }) => metadata.name)).toContain('one-more')
  const path = `/api/v1/namespaces?watch=1&resourceVersion=${before.metadata.resourceVersion}`
  expect(await firstOf(path)).toMatchObject({ type: 'ERROR', object: { code: 410 } })
})

test('a client that trusts one CA rejects a certificate of another CA', async () => {
  const cautious = new Api(controlPlane.api.url, 'unknown', controlPlane.ca)
  await expect(cautious.get('/api')).rejects.toThrow('401')
  await controlPlane.stopApi()
  controlPlane.replaceAuthority()
  await controlPlane.startApi()
  await expect(cautious.get('/api')).rejects.toThrow('certificate')
  await cautious.close()
})

async function firstOf(path: string): Promise<unknown> {
  for await (const event of controlPlane.api.watch(path, AbortSignal.timeout(30_000))) return event
  throw new Error('The watch ended')
}
