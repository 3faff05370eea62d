import { describe, expect, it } from 'vitest'
import { checkPeers, hostOf } from '../../src/discovery/peer-finder.ts'
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
  ])('parses %s', async (text, host) => {
    expect(await hosts(text)).toEqual([host])
  })

  it('accepts peers as objects', async () => {
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
    '999.1.1.1',
    '1.2.3.4.5',
    '0x7f.1',
    '010.0.0.1',
    '7',
    '::::',
    '1:2:3',
    '1::2::3',
    `${'a'.repeat(250)}.com`,
  ])('rejects the address %j', (text) => {
    expect(() => new StaticPeerFinder(['10.0.0.1', text])).toThrow(
      expect.objectContaining({
        code: 'invalid-peer',
        message: expect.stringMatching(/^Peer list: entry 1 is .*; expected \{ address, port\?/),
      }),
    )
  })

  it.each([
    ['a', '"a"'],
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    [{ address: '10.0.0.1' }, '{"address":"10.0.0.1"}'],
    [new Set(['a']), '{}'],
  ])('rejects %j in place of an array', (peers, received) => {
    expect(() => new StaticPeerFinder(peers as unknown as string[])).toThrow(
      expect.objectContaining({
        code: 'invalid-peer',
        message: `StaticPeerFinder: expected an array such as ['10.0.0.1', '10.0.0.2:7001'], got ${received}`,
      }),
    )
  })

  it.each([
    [
      { address: 'http://a' },
      'address must be an IP address or a host name, without a scheme, brackets or a port',
    ],
    [{ address: '[::1]' }, 'address must be an IP address or a host name'],
    [{ address: 'a', port: '7000' }, 'port must be a whole number from 1 to 65,535'],
    [{ address: 'a', port: 1.5 }, 'port must be a whole number'],
    [{ address: 'a', uid: 'b c' }, 'uid must be 1 to 128 visible ASCII characters'],
    [{ address: 'a', ready: 'yes' }, 'ready must be true or false'],
  ])('names the invalid field of %j', (peer, fault) => {
    expect(() => new StaticPeerFinder([peer as Peer])).toThrow(
      expect.objectContaining({ code: 'invalid-peer', message: expect.stringContaining(`Its ${fault}`) }),
    )
  })

  it.each([{ address: 'a', port: 1.5 }, { address: 'a', port: -1 }, { address: 7 }, null, {}])(
    'rejects %j',
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
  it('lists 127.0.0.1 with the Pod’s own port', async () => {
    const { peers } = await new LocalhostPeerFinder().start(new AbortController())
    expect(peers).toEqual([{ address: '127.0.0.1' }])
  })
})

describe('the host of a peer', () => {
  it('is valid in a URL for every accepted address', () => {
    for (const peer of checkPeers([
      { address: 'fd00::1' },
      { address: '10.0.0.1', port: 80 },
      { address: 'a' },
    ]))
      expect(() => new URL(`http://${hostOf(peer, 7_000)}/`)).not.toThrow()
  })
})
