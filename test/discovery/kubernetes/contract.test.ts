import type { Peer } from '../../../src/index.ts'
import { KubernetesPeerFinder, type KubernetesPeerFinderOptions } from '../../../src/kubernetes.ts'
import { until } from '../../support/until.ts'
import { acceleratedClock, peerFinderContract, sourcedPeerFinderContract } from '../contract.ts'
import { ApiServer, type StoredObject } from './api-server.ts'
import { endpoint, pod, slice } from './objects.ts'
import { ServiceAccount } from './service-account.ts'

const fastClock = acceleratedClock(10)

type Store = (peers: readonly Peer[]) => readonly StoredObject[]

const asPods: Store = (peers) => peers.map(({ address }) => pod(`on-${address}`, address))
const asSlices: Store = (peers) =>
  peers.length === 0
    ? []
    : [
        slice(
          'web',
          peers.map(({ address }) => endpoint(`on-${address}`, address)),
        ),
      ]

/** A finder with an API server that has the peers as objects of one resource. */
function make(options: KubernetesPeerFinderOptions, store: Store) {
  return async () => {
    const api = await ApiServer.start(fastClock)
    const account = new ServiceAccount(api.port)
    let errors = 0
    const finder = new KubernetesPeerFinder({
      ...options,
      serviceAccountDir: account.dir,
      clock: fastClock,
      onError: () => {
        errors += 1
      },
    })
    const list = (peers: readonly Peer[]) => {
      api.rule = undefined
      api.replace(store(peers))
    }
    list([{ address: '10.0.0.9' }])
    return {
      finder,
      list,
      async fail() {
        api.rule = (call) => call.refuse(403)
        const before = errors
        api.endWatches('cut')
        if (finder.status().state !== 'idle') await until('the refusal', () => errors > before + 1)
      },
      async end() {
        await api.close()
        account.end()
      },
    }
  }
}

for (const [name, options, store] of [
  ['KubernetesPeerFinder, by labels,', { labelSelector: 'app=web' }, asPods],
  ['KubernetesPeerFinder, by Service,', { service: 'web' }, asSlices],
] as const) {
  peerFinderContract(name, make(options, store))
  sourcedPeerFinderContract(name, make(options, store))
}
