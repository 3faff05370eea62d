import { describe, expect, it } from 'vitest'
import { hostOf } from '../../src/discovery/peer-finder.ts'
import { StaticPeerFinder, WorkerPeerFinder } from '../../src/index.ts'
import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { settle } from '../support/clock.ts'
import { peerFinderContract, sourcedPeerFinderContract } from './contract.ts'

peerFinderContract('WorkerPeerFinder', () => ({ finder: new WorkerPeerFinder({ ports: [7_000, 7_001] }) }))

sourcedPeerFinderContract('WorkerPeerFinder of another finder', () => {
  const source = new ChangingPeerFinder([{ address: '10.0.0.1' }])
  return {
    finder: new WorkerPeerFinder({ ports: [7_000], peerFinder: source }),
    list: (peers: Parameters<typeof source.set>[0]) => source.set(peers),
    fail: () => {
      source.break()
      return settle()
    },
  }
})

describe('WorkerPeerFinder', () => {
  it('lists this machine at each of the ports', async () => {
    const { peers } = await new WorkerPeerFinder({ ports: [7_000, 7_002] }).start(new AbortController())
    expect(peers.map((peer) => hostOf(peer, 1))).toEqual(['127.0.0.1:7000', '127.0.0.1:7002'])
  })

  it('lists each address of another finder at each of the ports, with its UID', async () => {
    const peerFinder = new StaticPeerFinder([{ address: '10.0.0.1', uid: 'one' }, '10.0.0.2:9'])
    const { peers } = await new WorkerPeerFinder({ ports: [7_000, 7_001], peerFinder }).start(
      new AbortController(),
    )
    expect(peers).toEqual([
      { address: '10.0.0.1', uid: 'one', port: 7_000 },
      { address: '10.0.0.1', uid: 'one', port: 7_001 },
      { address: '10.0.0.2', port: 7_000 },
      { address: '10.0.0.2', port: 7_001 },
    ])
  })

  it.each([[[]], [[0]], [[7_000, 7_000]], [[1.5]], [[65_536]], [undefined]])(
    'rejects the ports %j',
    (ports) => {
      expect(() => new WorkerPeerFinder({ ports: ports as number[] })).toThrow(
        expect.objectContaining({
          code: 'invalid-options',
          message: expect.stringContaining('Option "ports"'),
        }),
      )
    },
  )

  it.each([[undefined], [null], [[7_000, 7_001]], ['7000']])(
    'rejects %j in place of its options',
    (options) => {
      expect(() => new WorkerPeerFinder(options as unknown as { ports: number[] })).toThrow(
        expect.objectContaining({
          code: 'invalid-options',
          message: expect.stringContaining(
            'WorkerPeerFinder(): expected options such as { ports: [7000, 7001] }, got',
          ),
        }),
      )
    },
  )

  it.each([['10.0.0.1'], [null], [{}]])('rejects the peer finder %j', (peerFinder) => {
    const options = { ports: [7_000], peerFinder: peerFinder as unknown as StaticPeerFinder }
    expect(() => new WorkerPeerFinder(options)).toThrow(
      expect.objectContaining({
        code: 'invalid-options',
        message: expect.stringContaining('Option "peerFinder": expected a PeerFinder'),
      }),
    )
  })
})
