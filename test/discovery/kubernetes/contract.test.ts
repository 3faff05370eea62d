import { type Clock, systemClock } from '../../../src/clock.ts'
import type { Peer } from '../../../src/index.ts'
import {
  DnsPeerFinder,
  KubernetesPeerFinder,
  type KubernetesPeerFinderOptions,
} from '../../../src/kubernetes.ts'
import { until } from '../../support/until.ts'
import { peerFinderContract, sourcedPeerFinderContract } from '../contract.ts'
import { ApiServer, type StoredObject } from './api-server.ts'
import { NameServer } from './name-server.ts'
import { endpoint, pod, slice } from './objects.ts'
import { ServiceAccount } from './service-account.ts'

/** The machine's clock, so many times as fast: nobody here waits for a whole backoff. */
const hurried = (times: number): Clock => ({
  now: () => systemClock.now() * times,
  after: (ms, callback) => systemClock.after(ms / times, callback),
  random: systemClock.random,
})
const fastClock = hurried(10)

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

/** A finder whose API server knows the peers as objects of one kind. */
function make(options: KubernetesPeerFinderOptions, store: Store) {
  return async () => {
    const api = await ApiServer.start(fastClock)
    const account = new ServiceAccount(api.port)
    let faults = 0
    const finder = new KubernetesPeerFinder({
      ...options,
      serviceAccountDir: account.dir,
      clock: fastClock,
      onError: () => {
        faults += 1
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
        const before = faults
        api.endWatches('cut')
        if (finder.status().state !== 'idle') await until('the refusal', () => faults > before + 1)
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

/** A finder whose name server knows the peers. */
async function makeDns() {
  const server = await NameServer.start()
  server.addresses = ['10.0.0.9']
  let faults = 0
  let isStarted = false
  const finder = new DnsPeerFinder({
    hostname: 'web.shop.svc.cluster.local',
    nameServers: [server.address],
    // The first answer may take 30 s of this clock, and less than the contract's two of the machine's.
    clock: hurried(50),
    onError: () => {
      faults += 1
    },
  })
  return {
    finder: {
      start(options: { signal: AbortSignal }) {
        isStarted = true
        return finder.start(options)
      },
    },
    list(peers: readonly Peer[]) {
      server.fault = undefined
      server.addresses = peers.map(({ address }) => address)
    },
    async fail() {
      server.fault = 'SERVFAIL'
      const before = faults
      if (isStarted) await until('the failure', () => faults > before)
    },
    end: () => server.close(),
  }
}

peerFinderContract('DnsPeerFinder', makeDns)
sourcedPeerFinderContract('DnsPeerFinder', makeDns)
