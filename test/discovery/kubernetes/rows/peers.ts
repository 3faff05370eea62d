import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { checkPeers } from '../../../../src/discovery/peer-finder.ts'
import { endpoint, pod, slice } from '../objects.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')
const leaving = (deletionTimestamp: string) => ({ metadata: { deletionTimestamp } })

export const peerRows: readonly FaultRow[] = [
  {
    behaviour: 'lists a Pod from Running on, ready or not, until it is deleted or finished',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      fixture.api.put(pod('b', '10.0.0.2', { phase: 'Pending' }))
      fixture.api.put(pod('c', '10.0.0.3'))
      await fixture.published('10.0.0.1', '10.0.0.3')
      fixture.api.put(B)
      await fixture.published('10.0.0.1', '10.0.0.2', '10.0.0.3')
      fixture.api.put(pod('c', '10.0.0.3', { phase: 'Succeeded' }))
      fixture.api.put(pod('a', '10.0.0.1', { phase: 'Failed' }))
      await fixture.published('10.0.0.2')
      fixture.api.remove('uid-b')
      await fixture.published()
    },
  },
  {
    behaviour: 'skips a Pod without an address that other Pods can reach',
    async run(fixture) {
      fixture.api.put({ ...pod('a', ''), status: { phase: 'Running' } } as typeof A)
      fixture.api.put(pod('b', 'fe80::1%eth0/../evil'))
      fixture.api.put({ metadata: { name: 'c', uid: 'uid-c' } })
      const foreign = ['127.0.0.1', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::', '::1']
      for (const [i, ip] of [...foreign, 'fe80::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:7f00:1'].entries())
        fixture.api.put(pod(`x${i}`, ip))
      fixture.api.put(pod('e', '::ffff:10.0.0.6'))
      fixture.api.put({
        ...pod('d', '10.0.0.4'),
        status: { phase: 'Running', podIP: '10.0.0.4' },
      } as typeof A)
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.4 ::ffff:10.0.0.6'])
    },
  },
  {
    behaviour: 'keeps a terminating Pod until 60 seconds after its grace period, by the API server’s clock',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.put(B)
      await fixture.watching()
      await fixture.reading(() => fixture.api.put(pod('b', '10.0.0.2', leaving(fixture.api.time(31_000)))))
      await fixture.clock.advance(2_000)
      await fixture.clock.advance(87_000)
      assert.deepEqual(fixture.lists, ['10.0.0.1 10.0.0.2'])
      await fixture.clock.advance(3_000)
      assert.deepEqual(fixture.lists, ['10.0.0.1 10.0.0.2', '10.0.0.1'])
      assert.equal(fixture.api.calls.length, 2)
    },
  },
  {
    behaviour: 'publishes at once that a Pod is not ready or is being deleted',
    async run(fixture) {
      const ready = (status: string) => ({ conditions: [{ type: 'Ready', status }] })
      const said = () => fixture.peers.map(({ ready, terminating }) => ({ ready, terminating }))
      const saysOnly = (ready: false | undefined, terminating: true | undefined) =>
        fixture.until('the finder publishes it', () => isDeepStrictEqual(said(), [{ ready, terminating }]))
      fixture.api.put(pod('a', '10.0.0.1', ready('False')))
      await fixture.watching()
      assert.deepEqual(said(), [{ ready: false, terminating: undefined }])
      fixture.api.put(pod('a', '10.0.0.1', ready('True')))
      await saysOnly(undefined, undefined)
      fixture.api.put(pod('a', '10.0.0.1', { ...ready('True'), ...leaving(fixture.api.time(30_000)) }))
      await saysOnly(undefined, true)
      fixture.api.put(pod('a', '10.0.0.1', { ...ready('False'), ...leaving(fixture.api.time(30_000)) }))
      await saysOnly(false, true)
    },
  },
  {
    behaviour: 'counts a Pod without a Ready condition as ready',
    async run(fixture) {
      fixture.api.put(pod('a', '10.0.0.1', { conditions: [{ type: 'Initialized', status: 'True' }] }))
      await fixture.start()
      assert.equal(fixture.peers[0]?.ready, undefined)
    },
  },
  {
    behaviour: 'reads the conditions "serving" and "terminating" of an endpoint',
    options: { service: 'web' },
    async run(fixture) {
      fixture.api.put(
        slice('web-1', [
          endpoint('a', '10.0.0.1', { ready: true, serving: false, terminating: false }),
          endpoint('b', '10.0.0.2', { ready: true, serving: true, terminating: true }),
          endpoint('c', '10.0.0.3'),
        ]),
      )
      await fixture.start()
      const said = fixture.peers.map(({ address, ready, terminating }) => [address, ready, terminating])
      assert.deepEqual(said.sort(), [
        ['10.0.0.1', false, undefined],
        ['10.0.0.2', undefined, true],
        ['10.0.0.3', undefined, undefined],
      ])
    },
  },
  {
    behaviour: 'sets no timer beyond the maximum for a grace period of a month',
    async run(fixture) {
      const longest = 2_147_483_647
      const waits: number[] = []
      const { after } = fixture.clock
      fixture.clock.after = (ms, callback) => {
        waits.push(ms)
        return after.call(fixture.clock, ms, callback)
      }
      fixture.api.put(pod('b', '10.0.0.2', leaving(fixture.api.time(30 * 86_400_000))))
      await fixture.watching()
      assert.equal(Math.max(...waits), longest)
    },
  },
  {
    behaviour: 'omits a Pod of a long dead node from the first list',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.put(pod('b', '10.0.0.2', leaving(fixture.api.time(-60_001))))
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.1'])
    },
  },
  {
    behaviour: 'keeps a terminating Pod until it is deleted if the server sends no Date',
    async run(fixture) {
      fixture.api.hasDate = false
      fixture.api.put(pod('b', '10.0.0.2', leaving(fixture.api.time(-60_001))))
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.2'])
    },
  },
  {
    behaviour: 'treats the same name with a new UID, as in a StatefulSet, as another Pod',
    async run(fixture) {
      fixture.api.put(pod('web-0', '10.0.0.1', { uid: 'old' }))
      await fixture.watching()
      fixture.api.put(pod('web-0', '10.0.0.2', { uid: 'new' }))
      await fixture.published('10.0.0.1', '10.0.0.2')
      fixture.api.remove('old')
      await fixture.published('10.0.0.2')
      assert.equal(fixture.peers[0]?.uid, 'new')
    },
  },
  {
    behaviour: 'gives an address to the newest Pod, even if the old one’s deletion arrives late',
    async run(fixture) {
      fixture.api.put(pod('a', '10.0.0.1', { uid: 'old' }))
      await fixture.watching()
      const metadata = { creationTimestamp: '2026-11-24T11:30:00Z' }
      fixture.api.put(pod('b', '10.0.0.1', { uid: 'new', metadata }))
      await fixture.until('the new Pod is published', () => fixture.peers[0]?.uid === 'new')
      fixture.api.put(pod('a', '10.0.0.1', { uid: 'old' }))
      fixture.api.remove('old')
      fixture.api.put(B)
      await fixture.published('10.0.0.1', '10.0.0.2')
      const uids = fixture.peers.map(({ uid }) => uid)
      assert.deepEqual(uids, ['new', 'uid-b'])
    },
  },
  {
    behaviour: 'publishes a burst of changes once: after 100 ms of silence, or after a second',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      await fixture.reading(() => fixture.api.put(B))
      await fixture.clock.advance(99)
      assert.equal(fixture.lists.length, 1)
      await fixture.clock.advance(1)
      assert.equal(fixture.lists.length, 2)
      await fixture.reading(() => fixture.api.put(pod('c', '10.0.0.3')))
      for (let ms = 50; ms < 1_000; ms += 50) {
        await fixture.clock.advance(50)
        assert.equal(fixture.lists.length, 2, `after ${ms} ms`)
        await fixture.reading(() => fixture.api.put(B))
      }
      await fixture.clock.advance(50)
      assert.equal(fixture.lists.length, 3)
    },
  },
  {
    behaviour: 'publishes no list when a change leaves the peers as they are',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      for (let i = 0; i < 5; i += 1) {
        await fixture.reading(() =>
          fixture.api.put(pod('a', '10.0.0.1', { metadata: { labels: { i: `${i}` } } })),
        )
        await fixture.clock.advance(2_000)
      }
      assert.deepEqual(fixture.lists, ['10.0.0.1'])
    },
  },
  {
    behaviour: 'uses a dual-stack Pod’s address of this Pod’s family, else any that it has',
    async run(fixture) {
      process.env.POD_IP = 'fd00::9'
      fixture.api.put(pod('a', '10.0.0.1', { podIPs: ['10.0.0.1', 'fd00::1'] }))
      fixture.api.put(pod('b', '10.0.0.2'))
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.2 fd00::1'])
    },
  },
  {
    behaviour: 'prefers the option family to this Pod’s own, and gives port to every peer',
    options: { family: 'IPv4', port: 7_100 },
    async run(fixture) {
      process.env.POD_IP = 'fd00::9'
      fixture.api.put(pod('a', 'fd00::1', { podIPs: ['fd00::1', '10.0.0.1'] }))
      await fixture.start()
      assert.deepEqual(fixture.peers, [{ address: '10.0.0.1', port: 7_100, uid: 'uid-a' }])
    },
  },
  {
    behaviour: 'merges the endpoints of every slice of the Service, ready or not',
    options: { service: 'web' },
    async run(fixture) {
      fixture.api.put(
        slice('web-1', [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2', { ready: false })]),
      )
      fixture.api.put(
        slice('web-2', [endpoint('b', '10.0.0.2'), endpoint('c', '10.0.0.3', { terminating: true })]),
      )
      fixture.api.put(slice('web-3', [], 'IPv4'))
      await fixture.watching()
      assert.deepEqual(fixture.lists, ['10.0.0.1 10.0.0.2 10.0.0.3'])
      assert.equal(
        fixture.api.calls[0]?.url.pathname,
        '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
      )
      assert.equal(
        fixture.api.calls[0]?.url.searchParams.get('labelSelector'),
        'kubernetes.io/service-name=web',
      )
      fixture.api.put(slice('web-1', [endpoint('a', '10.0.0.1')]))
      fixture.api.remove('uid-web-2')
      await fixture.published('10.0.0.1')
    },
  },
  {
    behaviour: 'uses one address of each Pod of a dual-stack Service',
    options: { service: 'web' },
    async run(fixture) {
      process.env.POD_IP = 'fd00::9'
      fixture.api.put(slice('web-6', [endpoint('a', 'fd00::1')], 'IPv6'))
      fixture.api.put(slice('web-4', [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2')]))
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.2 fd00::1'])
    },
  },
  {
    behaviour: 'gives the address of a terminating endpoint to the Pod that has it now',
    options: { service: 'web' },
    async run(fixture) {
      fixture.api.put(slice('web-1', [endpoint('b', '10.0.0.1')]))
      fixture.api.put(slice('web-2', [endpoint('a', '10.0.0.1', { terminating: true })]))
      await fixture.start()
      assert.deepEqual(
        fixture.peers.map(({ uid }) => uid),
        ['uid-b'],
      )
    },
  },
  {
    behaviour: 'publishes the valid peers of slices with malformed addresses and UIDs',
    options: { service: 'web' },
    async run(fixture) {
      const hostile = ['', 'a b', 'ü', 'x'.repeat(129), 'a\r\nb'].map((uid, i) => ({
        addresses: [`10.0.1.${i}`],
        targetRef: { uid },
      }))
      fixture.api.put(slice('web-1', hostile))
      fixture.api.put(slice('web-2', [endpoint('z', 'fe80::1%eth0'), endpoint('a', '10.0.0.1')]))
      await fixture.start()
      const uids = checkPeers(fixture.peers).map(({ address, uid }) => `${address} ${uid}`)
      assert.deepEqual(uids.sort(), [
        '10.0.0.1 uid-a',
        ...[0, 1, 2, 3, 4].map((i) => `10.0.1.${i} undefined`),
      ])
    },
  },
  {
    behaviour: 'ignores a Pod’s address that has a zone',
    async run(fixture) {
      fixture.api.put(pod('a', 'fe80::1%eth0', { podIPs: ['fe80::1%eth0', 'fd00::1'] }))
      fixture.api.put(pod('b', 'fe80::2%1'))
      await fixture.start()
      assert.deepEqual(fixture.lists, ['fd00::1'])
    },
  },
]
