import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { checkPeers, hostOf, type Peer } from '../../src/discovery/peer-finder.ts'
import type { PeerFinder } from '../../src/index.ts'
import { within } from '../support/until.ts'

/** The system clock, `factor` times as fast, so that no test waits for a whole backoff. */
export function acceleratedClock(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    after: (ms, callback) => systemClock.after(ms / factor, callback),
    random: systemClock.random,
  }
}

/** A finder under test. */
export interface FinderUnderTest {
  finder: PeerFinder
  /** Releases the resources of its source. */
  end?: () => void | Promise<void>
}

/** A finder with a source that the test controls. */
export interface SourcedFinderUnderTest extends FinderUnderTest {
  /** Makes the source list these peers, for the next `start()` or from now on. */
  list: (peers: readonly Peer[]) => void | Promise<void>
  /** Makes the source fail until the next `list()`; resolves after the finder's first failure. */
  fail: () => Promise<void>
}

const A = { address: '10.0.0.1' }
const B = { address: '10.0.0.2' }
const C = { address: '10.0.0.3' }

/** Addresses of peers, sorted; ports and UIDs differ between finders. */
const asSet = (peers: readonly Peer[] | undefined) => peers?.map(({ address }) => address).sort()
const setOf = (...peers: readonly Peer[]) => asSet(peers)

/** Starts a finder, and reads its changes, until the test ends. */
async function start<T extends FinderUnderTest>(under: T) {
  const controller = new AbortController()
  onTestFinished(async () => {
    controller.abort()
    await under.end?.()
  })
  const { peers, changes } = await within('the first list', under.finder.start(controller))
  const iterator = changes[Symbol.asyncIterator]()
  const next = () => within('the next list', iterator.next())
  return { ...under, controller, peers, next }
}

/** The contract of every peer finder. `make` returns a new one, with at least one peer, for each test. */
export function peerFinderContract(
  name: string,
  make: () => FinderUnderTest | Promise<FinderUnderTest>,
): void {
  const started = async () => start(await make())

  describe(`${name}, as a peer finder,`, () => {
    it('lists peers with hosts that are valid in a URL', async () => {
      const { peers } = await started()
      expect(peers.length).toBeGreaterThan(0)
      expect(checkPeers(peers)).toBe(peers)
      const hosts = peers.map((peer) => hostOf(peer, 7_000))
      for (const host of hosts) expect(new URL(`http://${host}/`).host).toBe(host)
      expect(new Set(hosts).size).toBe(hosts.length)
    })

    it('rejects with the signal’s reason if the signal aborted first', async () => {
      const { finder, end } = await make()
      onTestFinished(() => end?.())
      const signal = AbortSignal.abort(new Error('never mind'))
      await expect(within('the refusal', finder.start({ signal }))).rejects.toThrow('never mind')
    })

    it('ends its changes when the signal aborts during a wait for the next one', async () => {
      const { controller, next } = await started()
      const waiting = next()
      controller.abort()
      expect(await waiting).toEqual({ done: true, value: undefined })
    })

    it('ends its changes when the signal aborted before the first wait', async () => {
      const { controller, next } = await started()
      controller.abort()
      expect((await next()).done).toBe(true)
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    })

    it('can be started again', async () => {
      const { controller, finder, peers } = await started()
      controller.abort()
      const { signal } = new AbortController()
      expect((await within('the first list', finder.start({ signal }))).peers).toEqual(peers)
    })
  })
}

/** The contract of a peer finder with a source that can change or fail. */
export function sourcedPeerFinderContract(
  name: string,
  make: () => SourcedFinderUnderTest | Promise<SourcedFinderUnderTest>,
): void {
  const started = async () => {
    const under = await make()
    await under.list([A, B])
    return start(under)
  }

  describe(`${name}, with a changing source,`, () => {
    it('yields every later list, complete', async () => {
      const { list, next, peers } = await started()
      expect(asSet(peers)).toEqual(setOf(A, B))
      await list([A, B, C])
      expect(asSet((await next()).value)).toEqual(setOf(A, B, C))
      await list([C])
      let latest: readonly Peer[] | undefined
      // Of an API server these are two changes, which a busy machine may deliver further apart than one list waits.
      for (let i = 0; i < 2 && String(asSet(latest)) !== String(setOf(C)); i += 1)
        latest = (await next()).value
      expect(asSet(latest)).toEqual(setOf(C))
    })

    it('yields nothing while the set stays the same', async () => {
      const { list, next } = await started()
      const waiting = next()
      await list([A, B])
      await list([B, A])
      await list([A])
      expect(asSet((await waiting).value)).toEqual(setOf(A))
    })

    it('does not block its source for a slow reader, which gets the latest list', async () => {
      const { list, next } = await started()
      for (const peers of [[A], [B], [C], [A, C]]) await within('the source', Promise.resolve(list(peers)))
      let latest: readonly Peer[] | undefined
      for (let i = 0; i < 4 && String(asSet(latest)) !== String(setOf(A, C)); i += 1)
        latest = (await next()).value
      expect(asSet(latest)).toEqual(setOf(A, C))
    })
  })

  describe(`${name}, with a failing source,`, () => {
    it('rejects if it cannot fetch a first list', async () => {
      const { finder, fail, end } = await make()
      onTestFinished(() => end?.())
      await fail()
      const { signal } = new AbortController()
      await expect(within('the refusal', finder.start({ signal }))).rejects.toBeInstanceOf(Error)
    })

    it('keeps the last list, and yields the next one after recovery', async () => {
      const { fail, list, next } = await started()
      const waiting = next()
      await fail()
      await list([A, B, C])
      expect(asSet((await waiting).value)).toEqual(setOf(A, B, C))
    })
  })
}
