import { Resolver } from 'node:dns/promises'
import { describe, expect, it } from 'vitest'
import { DnsPeerFinder, type DnsPeerFinderOptions } from '../../src/dns.ts'
import type { Peer } from '../../src/index.ts'
import { until } from '../support/until.ts'
import { acceleratedClock, peerFinderContract, sourcedPeerFinderContract } from './contract.ts'
import { NameServer } from './name-server.ts'

/** A finder with a name server that has the peers. */
async function underTest() {
  const server = await NameServer.start()
  server.addresses = ['10.0.0.9']
  let errors = 0
  let isStarted = false
  const finder = new DnsPeerFinder({
    hostname: 'web.shop.svc.cluster.local',
    nameServers: [server.address],
    // 30 s of this clock, the limit of the first answer, are less than the contract's two seconds.
    clock: acceleratedClock(50),
    onError: () => {
      errors += 1
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
      const before = errors
      if (isStarted) await until('the failure', () => errors > before)
    },
    end: () => server.close(),
  }
}

peerFinderContract('DnsPeerFinder', underTest)
sourcedPeerFinderContract('DnsPeerFinder', underTest)

const refusal = (...words: string[]) =>
  expect.objectContaining({
    code: 'invalid-options',
    message: expect.stringMatching(new RegExp(words.map((word) => RegExp.escape(word)).join('.*'))),
  })

const make = (options: object) => () => new DnsPeerFinder(options as DnsPeerFinderOptions)

describe('DnsPeerFinder', () => {
  it.each(['web.shop.svc.cluster.local', 'web.shop.svc.cluster.local.', 'a.b'])(
    'accepts the hostname %s',
    (hostname) => {
      expect(make({ hostname })).not.toThrow()
    },
  )

  it.each(['', 'web', '.web', 'web..shop', 'web_1.shop', 'web.shop/evil', '10.0.0.1:53'])(
    'rejects the hostname %j',
    (hostname) => {
      expect(make({ hostname })).toThrow(refusal('"hostname"', 'svc.cluster.local', `"${hostname}"`))
    },
  )

  it.each([
    [{ intervalMs: 99 }, ['"intervalMs"', 'from 100 to 1,789,569,705', 'got 99']],
    [{ intervalMs: 1_789_569_706 }, ['"intervalMs"', 'from 100 to 1,789,569,705', 'got 1789569706']],
    [{ nameServers: [] }, ['"nameServers"', 'at least one']],
    [{ nameServers: '10.96.0.10' }, ['"nameServers"', 'expected Array', 'got "10.96.0.10"']],
    [{ nameServers: [5] }, ['"nameServers.0"', 'an IP address such as 10.96.0.10', 'got 5']],
    [{ nameServers: ['10.96.0.10', 'kube-dns'] }, ['"nameServers.1"', '10.96.0.10:53', '"kube-dns"']],
    [{ nameServers: ['10.96.0.10:0'] }, ['"nameServers.0"', '"10.96.0.10:0"']],
    [{ nameServers: ['10.96.0.10:65536'] }, ['"nameServers.0"', '"10.96.0.10:65536"']],
    [{ nameServers: ['[10.96.0.10]:53'] }, ['"nameServers.0"', '"[10.96.0.10]:53"']],
    [{ nameServers: ['::1]:53'] }, ['"nameServers.0"', '"::1]:53"']],
    [{ nameServers: [''] }, ['"nameServers.0"', '""']],
    [{ family: 4 }, ['"family"', "'IPv4' or 'IPv6'", 'got 4']],
    [{ interval: 1 }, ['"interval"', 'no such option', 'intervalMs']],
  ])('rejects %j', (options, words) => {
    expect(make({ hostname: 'web.shop.svc.cluster.local', ...options })).toThrow(refusal(...words))
  })

  it.each([undefined, null, 'web.shop.svc', 7, ['web.shop.svc']])(
    'rejects %j in place of its options',
    (options) => {
      expect(make(options as unknown as object)).toThrow(
        refusal(
          'new DnsPeerFinder(): expected options such as { hostname:',
          `got ${JSON.stringify(options)}`,
        ),
      )
    },
  )

  it('rejects options without a hostname', () => {
    expect(make({})).toThrow(refusal('"hostname"', 'must be given'))
    expect(make({ hostname: 7 })).toThrow(
      refusal('"hostname"', 'expected a fully qualified name such as web.shop.svc.cluster.local, got 7'),
    )
  })

  it.each(['10.96.0.10', '10.96.0.10:53', 'fd00::a', '[fd00::a]', '[fd00::a]:53'])(
    'accepts the name server %s, as the resolver does',
    (nameServer) => {
      expect(make({ hostname: 'web.shop.svc.cluster.local', nameServers: [nameServer] })).not.toThrow()
      expect(() => new Resolver().setServers([nameServer])).not.toThrow()
    },
  )
})
