import { describe, expect, it } from 'vitest'
import { checkPeerList, type PeerList } from '../../src/discovery/peer-finder.ts'
import { type PeerFinder, Sser } from '../../src/index.ts'

async function* noChanges(): AsyncGenerator<never> {}

describe('the result of a peer finder’s start()', () => {
  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [['10.0.0.1'], '["10.0.0.1"]'],
    [{ peers: [] }, '{"peers":[]}'],
    [{ peers: [], changes: [] }, '{"peers":[],"changes":[]}'],
  ])('is rejected if it is %j', (list, received) => {
    expect(() => checkPeerList(list as unknown as PeerList)).toThrow(
      expect.objectContaining({
        code: 'invalid-peer',
        message: `peerFinder.start(): expected a promise of { peers, changes }, where changes is an async iterable, got ${received}`,
      }),
    )
  })

  it('is rejected if its peers are not an array', () => {
    const list = { peers: '10.0.0.1', changes: noChanges() } as unknown as PeerList
    expect(() => checkPeerList(list)).toThrow('Peer list: expected an array of peers, got "10.0.0.1"')
  })

  it('rejects the start of the Sser with the same error', async () => {
    const peerFinder = { start: async () => undefined } as unknown as PeerFinder
    const sser = new Sser({ peerFinder, logger: false })
    await expect(sser.start()).rejects.toThrow('peerFinder.start(): expected a promise of { peers, changes }')
  })
})
