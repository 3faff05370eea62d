import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { checkPeers } from '../../../../src/discovery/peer.ts'
import { endpoint, pod, slice } from '../objects.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')
const leaving = (deletionTimestamp: string) => ({ metadata: { deletionTimestamp } })

export const peerRows: readonly FaultRow[] = [
  {
    behaviour: 'a Pod is a peer from Running on, ready or not, until it is deleted or has finished',
    async run(world) {
      world.api.put(A)
      await world.watching()
      world.api.put(pod('b', '10.0.0.2', { phase: 'Pending' }))
      world.api.put(pod('c', '10.0.0.3'))
      await world.told('10.0.0.1', '10.0.0.3')
      world.api.put(B)
      await world.told('10.0.0.1', '10.0.0.2', '10.0.0.3')
      world.api.put(pod('c', '10.0.0.3', { phase: 'Succeeded' }))
      world.api.put(pod('a', '10.0.0.1', { phase: 'Failed' }))
      await world.told('10.0.0.2')
      world.api.remove('uid-b')
      await world.told()
    },
  },
  {
    behaviour: 'a Pod without an address yet, or with one that no other Pod can reach it by, is no peer',
    async run(world) {
      world.api.put({ ...pod('a', ''), status: { phase: 'Running' } } as typeof A)
      world.api.put(pod('b', 'fe80::1%eth0/../evil'))
      world.api.put({ metadata: { name: 'c', uid: 'uid-c' } })
      const foreign = ['127.0.0.1', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::', '::1']
      for (const [i, ip] of [...foreign, 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:7f00:1'].entries())
        world.api.put(pod(`x${i}`, ip))
      world.api.put(pod('e', '::ffff:10.0.0.6'))
      world.api.put({ ...pod('d', '10.0.0.4'), status: { phase: 'Running', podIP: '10.0.0.4' } } as typeof A)
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.4 ::ffff:10.0.0.6'])
    },
  },
  {
    behaviour:
      'a terminating Pod stays a peer, for 60 seconds after it should be gone by the API server’s clock',
    async run(world) {
      world.api.put(A)
      world.api.put(B)
      await world.watching()
      await world.reading(() => world.api.put(pod('b', '10.0.0.2', leaving(world.api.time(31_000)))))
      await world.clock.advance(2_000)
      await world.clock.advance(87_000)
      assert.deepEqual(world.lists, ['10.0.0.1 10.0.0.2'])
      await world.clock.advance(3_000)
      assert.deepEqual(world.lists, ['10.0.0.1 10.0.0.2', '10.0.0.1'])
      assert.equal(world.api.calls.length, 2)
    },
  },
  {
    behaviour: 'the finder says of a Pod that it is not ready, or is being deleted, as soon as that changes',
    async run(world) {
      const ready = (status: string) => ({ conditions: [{ type: 'Ready', status }] })
      const said = () => world.peers.map(({ ready, terminating }) => ({ ready, terminating }))
      const saysOnly = (ready: false | undefined, terminating: true | undefined) =>
        world.until('the finder says so', () => isDeepStrictEqual(said(), [{ ready, terminating }]))
      world.api.put(pod('a', '10.0.0.1', ready('False')))
      await world.watching()
      assert.deepEqual(said(), [{ ready: false, terminating: undefined }])
      world.api.put(pod('a', '10.0.0.1', ready('True')))
      await saysOnly(undefined, undefined)
      world.api.put(pod('a', '10.0.0.1', { ...ready('True'), ...leaving(world.api.time(30_000)) }))
      await saysOnly(undefined, true)
      world.api.put(pod('a', '10.0.0.1', { ...ready('False'), ...leaving(world.api.time(30_000)) }))
      await saysOnly(false, true)
    },
  },
  {
    behaviour: 'a Pod whose node has not said whether it is ready counts as ready',
    async run(world) {
      world.api.put(pod('a', '10.0.0.1', { conditions: [{ type: 'Initialized', status: 'True' }] }))
      await world.start()
      assert.equal(world.peers[0]?.ready, undefined)
    },
  },
  {
    behaviour: 'of an endpoint it says the same, by its conditions "serving" and "terminating"',
    options: { service: 'web' },
    async run(world) {
      world.api.put(
        slice('web-1', [
          endpoint('a', '10.0.0.1', { ready: true, serving: false, terminating: false }),
          endpoint('b', '10.0.0.2', { ready: true, serving: true, terminating: true }),
          endpoint('c', '10.0.0.3'),
        ]),
      )
      await world.start()
      const said = world.peers.map(({ address, ready, terminating }) => [address, ready, terminating])
      assert.deepEqual(said.sort(), [
        ['10.0.0.1', false, undefined],
        ['10.0.0.2', undefined, true],
        ['10.0.0.3', undefined, undefined],
      ])
    },
  },
  {
    behaviour: 'a Pod that may terminate for a month sets no timer that would ring at once',
    async run(world) {
      const longest = 2_147_483_647
      const waits: number[] = []
      const { after } = world.clock
      world.clock.after = (ms, callback) => {
        waits.push(ms)
        return after.call(world.clock, ms, callback)
      }
      world.api.put(pod('b', '10.0.0.2', leaving(world.api.time(30 * 86_400_000))))
      await world.watching()
      assert.equal(Math.max(...waits), longest)
    },
  },
  {
    behaviour: 'a Pod on a node that died long ago is not in the first list',
    async run(world) {
      world.api.put(A)
      world.api.put(pod('b', '10.0.0.2', leaving(world.api.time(-60_001))))
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.1'])
    },
  },
  {
    behaviour: 'without a word about the time, a terminating Pod stays until it is deleted',
    async run(world) {
      world.api.hasDate = false
      world.api.put(pod('b', '10.0.0.2', leaving(world.api.time(-60_001))))
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.2'])
    },
  },
  {
    behaviour: 'the same name with a new UID, as in a StatefulSet, is another Pod',
    async run(world) {
      world.api.put(pod('web-0', '10.0.0.1', { uid: 'old' }))
      await world.watching()
      world.api.put(pod('web-0', '10.0.0.2', { uid: 'new' }))
      await world.told('10.0.0.1', '10.0.0.2')
      world.api.remove('old')
      await world.told('10.0.0.2')
      assert.equal(world.peers[0]?.uid, 'new')
    },
  },
  {
    behaviour: 'the newest Pod has the address, and a late word of the old one’s end does not take it away',
    async run(world) {
      world.api.put(pod('a', '10.0.0.1', { uid: 'old' }))
      await world.watching()
      world.api.put(
        pod('b', '10.0.0.1', { uid: 'new', metadata: { creationTimestamp: '2026-11-24T11:30:00Z' } }),
      )
      await world.until('the new one is told of', () => world.peers[0]?.uid === 'new')
      world.api.put(pod('a', '10.0.0.1', { uid: 'old' }))
      world.api.remove('old')
      world.api.put(B)
      await world.told('10.0.0.1', '10.0.0.2')
      assert.deepEqual(
        world.peers.map(({ uid }) => uid),
        ['new', 'uid-b'],
      )
    },
  },
  {
    behaviour: 'a burst of changes is told of once: 100 ms after it pauses, or after a second of it',
    async run(world) {
      world.api.put(A)
      await world.watching()
      await world.reading(() => world.api.put(B))
      await world.clock.advance(99)
      assert.equal(world.lists.length, 1)
      await world.clock.advance(1)
      assert.equal(world.lists.length, 2)
      await world.reading(() => world.api.put(pod('c', '10.0.0.3')))
      for (let ms = 50; ms < 1_000; ms += 50) {
        await world.clock.advance(50)
        assert.equal(world.lists.length, 2, `after ${ms} ms`)
        await world.reading(() => world.api.put(B))
      }
      await world.clock.advance(50)
      assert.equal(world.lists.length, 3)
    },
  },
  {
    behaviour: 'nobody is told of changes that leave the peers as they are',
    async run(world) {
      world.api.put(A)
      await world.watching()
      for (let i = 0; i < 5; i += 1) {
        await world.reading(() =>
          world.api.put(pod('a', '10.0.0.1', { metadata: { labels: { i: `${i}` } } })),
        )
        await world.clock.advance(2_000)
      }
      assert.deepEqual(world.lists, ['10.0.0.1'])
    },
  },
  {
    behaviour: 'of a Pod with both families the address of this Pod’s own is taken, and what there is of one',
    async run(world) {
      process.env.POD_IP = 'fd00::9'
      world.api.put(pod('a', '10.0.0.1', { podIPs: ['10.0.0.1', 'fd00::1'] }))
      world.api.put(pod('b', '10.0.0.2'))
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.2 fd00::1'])
    },
  },
  {
    behaviour: 'the option family goes before this Pod’s own, and port is given to every peer',
    options: { family: 'IPv4', port: 7_100 },
    async run(world) {
      process.env.POD_IP = 'fd00::9'
      world.api.put(pod('a', 'fd00::1', { podIPs: ['fd00::1', '10.0.0.1'] }))
      await world.start()
      assert.deepEqual(world.peers, [{ address: '10.0.0.1', port: 7_100, uid: 'uid-a' }])
    },
  },
  {
    behaviour: 'endpoints are merged from every slice of the Service, ready or not',
    options: { service: 'web' },
    async run(world) {
      world.api.put(slice('web-1', [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2', { ready: false })]))
      world.api.put(
        slice('web-2', [endpoint('b', '10.0.0.2'), endpoint('c', '10.0.0.3', { terminating: true })]),
      )
      world.api.put(slice('web-3', [], 'IPv4'))
      await world.watching()
      assert.deepEqual(world.lists, ['10.0.0.1 10.0.0.2 10.0.0.3'])
      assert.equal(
        world.api.calls[0]?.url.pathname,
        '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
      )
      assert.equal(
        world.api.calls[0]?.url.searchParams.get('labelSelector'),
        'kubernetes.io/service-name=web',
      )
      world.api.put(slice('web-1', [endpoint('a', '10.0.0.1')]))
      world.api.remove('uid-web-2')
      await world.told('10.0.0.1')
    },
  },
  {
    behaviour: 'of a Service with both families one address of each Pod is taken',
    options: { service: 'web' },
    async run(world) {
      process.env.POD_IP = 'fd00::9'
      world.api.put(slice('web-6', [endpoint('a', 'fd00::1')], 'IPv6'))
      world.api.put(slice('web-4', [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2')]))
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.2 fd00::1'])
    },
  },
  {
    behaviour: 'an endpoint that is on its way out leaves its address to the one that has it now',
    options: { service: 'web' },
    async run(world) {
      world.api.put(slice('web-1', [endpoint('b', '10.0.0.1')]))
      world.api.put(slice('web-2', [endpoint('a', '10.0.0.1', { terminating: true })]))
      await world.start()
      assert.deepEqual(
        world.peers.map(({ uid }) => uid),
        ['uid-b'],
      )
    },
  },
  {
    behaviour:
      'whatever a slice says is an address or a UID, the rest of the list is told, and can be called',
    options: { service: 'web' },
    async run(world) {
      const hostile = ['', 'a b', 'ü', 'x'.repeat(129), 'a\r\nb'].map((uid, i) => ({
        addresses: [`10.0.1.${i}`],
        targetRef: { uid },
      }))
      world.api.put(slice('web-1', hostile))
      world.api.put(slice('web-2', [endpoint('z', 'fe80::1%eth0'), endpoint('a', '10.0.0.1')]))
      await world.start()
      const uids = checkPeers(world.peers).map(({ address, uid }) => `${address} ${uid}`)
      assert.deepEqual(uids.sort(), [
        '10.0.0.1 uid-a',
        ...[0, 1, 2, 3, 4].map((i) => `10.0.1.${i} undefined`),
      ])
    },
  },
  {
    behaviour: 'a Pod’s address with a zone is none',
    async run(world) {
      world.api.put(pod('a', 'fe80::1%eth0', { podIPs: ['fe80::1%eth0', 'fd00::1'] }))
      world.api.put(pod('b', 'fe80::2%1'))
      await world.start()
      assert.deepEqual(world.lists, ['fd00::1'])
    },
  },
]
