import { describe, expect, it } from 'vitest'
import { checkPeers, hostOf } from '../../src/discovery/peer.ts'
import { LocalhostPeerFinder, type Peer, StaticPeerFinder } from '../../src/index.ts'
import { peerFinderContract } from './contract.ts'

peerFinderContract('StaticPeerFinder', () => ({
  finder: new StaticPeerFinder(['10.0.0.1', 'pod-2.web:7001', '[fd00::3]:7002', { address: 'fd00::4' }]),
}))

peerFinderContract('LocalhostPeerFinder', () => ({ finder: new LocalhostPeerFinder() }))

async function hosts(...peers: (Peer | string)[]): Promise<string[]> {
  const list = await new StaticPeerFinder(peers).start(new AbortController())
  return list.peers.map((peer) => hostOf(peer, 7_000))
}

describe('StaticPeerFinder', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1:7000'],
    ['10.0.0.1:7001', '10.0.0.1:7001'],
    ['pod-1.web.default.svc', 'pod-1.web.default.svc:7000'],
    ['localhost:1', 'localhost:1'],
    ['fd00::1', '[fd00::1]:7000'],
    ['::1', '[::1]:7000'],
    ['[fd00::1]', '[fd00::1]:7000'],
    ['[fd00::1]:7001', '[fd00::1]:7001'],
    ['::ffff:10.0.0.1', '[::ffff:10.0.0.1]:7000'],
  ])('reads %s', async (text, host) => {
    expect(await hosts(text)).toEqual([host])
  })

  it('takes peers as they are', async () => {
    expect(await hosts({ address: 'fd00::1', port: 65_535 }, { address: '10.0.0.1' })).toEqual([
      '[fd00::1]:65535',
      '10.0.0.1:7000',
    ])
    expect(await hosts()).toEqual([])
  })

  it.each([
    '',
    ' ',
    'http://10.0.0.1',
    '10.0.0.1/evil',
    'user@host',
    'a b',
    'host:0',
    'host:65536',
    'host:port',
    'host:',
    '[fd00::1',
    '[]:7000',
    '[fd00::1]:x',
    'fe80::1%eth0',
    'g::1',
  ])('refuses %j when it is made', (text) => {
    expect(() => new StaticPeerFinder([text])).toThrow(expect.objectContaining({ code: 'invalid-peer' }))
  })

  it.each([{ address: 'a', port: 1.5 }, { address: 'a', port: -1 }, { address: 7 }, null, {}])(
    'refuses %j',
    (peer) => {
      expect(() => new StaticPeerFinder([peer as Peer])).toThrow(
        expect.objectContaining({
          code: 'invalid-peer',
          message: expect.stringContaining('{ address, port?, uid?, ready?, terminating? }'),
        }),
      )
    },
  )
})

describe('LocalhostPeerFinder', () => {
  it('finds this machine, on the Pod’s own port', async () => {
    const { peers } = await new LocalhostPeerFinder().start(new AbortController())
    expect(peers).toEqual([{ address: '127.0.0.1' }])
  })
})

describe('a peer’s name', () => {
  it('is a URL’s host, whatever the finder gave', () => {
    for (const peer of checkPeers([
      { address: 'fd00::1' },
      { address: '10.0.0.1', port: 80 },
      { address: 'a' },
    ]))
      expect(() => new URL(`http://${hostOf(peer, 7_000)}/`)).not.toThrow()
  })
})
