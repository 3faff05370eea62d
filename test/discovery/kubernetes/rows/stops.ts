import assert from 'node:assert/strict'
import { until } from '../../../support/until.ts'
import type { Call } from '../call.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { pod } from '../objects.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

/** Stops the finder; asserts that it then sends, publishes and holds nothing. */
async function stops(fixture: ClusterFixture): Promise<void> {
  const { requests } = fixture.finder.status()
  const lists = [...fixture.lists]
  const errors = [...fixture.errors]
  fixture.stop.abort()
  await until('the finder is stopped', () => fixture.finder.status().state === 'stopped')
  await until('it holds no connection', () => fixture.api.openConnections === 0)
  assert.equal(fixture.clock.timers, 0)
  await fixture.clock.advance(600_000)
  assert.equal(fixture.finder.status().requests, requests)
  assert.deepEqual(fixture.lists, lists)
  assert.deepEqual(fixture.errors, errors)
}

/** Ends the first watch, and delays the next response. */
async function relists(fixture: ClusterFixture, answer: (call: Call) => void): Promise<void> {
  fixture.api.put(A)
  await fixture.watching()
  fixture.api.script((call) => call.refuse(410), answer)
  fixture.api.endWatches()
  await fixture.call(4)
}

export const stopRows: readonly FaultRow[] = [
  {
    behaviour: 'stops during a watch: closes its connection, and reports nothing',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops before a list’s head arrives, and reports nothing',
    async run(fixture) {
      await relists(fixture, () => {})
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops in the middle of a list, and reports nothing',
    async run(fixture) {
      await relists(fixture, (call) => call.open().raw('{'))
      await until('it reads the list', () => fixture.bytes > 0)
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops between two pages, and reports nothing',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      const metadata = { resourceVersion: '200', continue: 'next' }
      const gone = (call: Call) => call.refuse(410)
      const first = (call: Call) => call.reply(200, { kind: 'PodList', metadata, items: [] })
      fixture.api.script(gone, gone, first, () => {})
      fixture.api.endWatches()
      await fixture.call(6)
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops while a list’s response is on its way, and publishes nothing of it',
    async run(fixture) {
      let answer = () => {}
      await relists(fixture, (call) => {
        answer = () => call.reply(200, fixture.api.listBody())
      })
      fixture.api.put(B)
      answer()
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops before a watch’s head arrives, and reports nothing',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.script(
        (call) => call.reply(200, fixture.api.listBody()),
        () => {},
      )
      await fixture.start()
      await fixture.call(2)
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops in the middle of an event, and reports nothing',
    async run(fixture) {
      fixture.api.put(A)
      const watch = await fixture.watching()
      await fixture.reading(() => watch.raw('{"type":'))
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops between two attempts, and does not retry',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      fixture.api.endWatches('cut')
      await until('it waits', () => fixture.finder.status().state === 'backing-off')
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops between two watches, and does not watch again',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      await fixture.clock.advance(2_000)
      fixture.api.endWatches()
      await until('the end is noticed', () => fixture.finder.status().syncAgeMs === 0)
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops between a change and its publication, and publishes nothing',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      await fixture.reading(() => fixture.api.put(B))
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops while a dead Pod’s timer runs, and cancels it',
    async run(fixture) {
      fixture.api.put(pod('a', '10.0.0.1', { metadata: { deletionTimestamp: fixture.api.time(60_000) } }))
      await fixture.watching()
      await stops(fixture)
    },
  },
  {
    behaviour: 'stops while it reads its credentials, and sends nothing',
    async run(fixture) {
      fixture.api.put(A)
      const started = assert.rejects(fixture.start(), /aborted/)
      await stops(fixture)
      await started
      assert.equal(fixture.api.calls.length, 0)
    },
  },
  {
    behaviour: 'keeps its peers for half an hour without API server, and recovers within two seconds',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.put(B)
      await fixture.watching()
      const { port } = fixture.api
      await fixture.api.close()
      const end = fixture.clock.now() + 1_800_000
      while (fixture.clock.now() < end) {
        await until('the finder waits', () => fixture.finder.status().state === 'backing-off')
        await fixture.clock.advance(2_000)
      }
      assert.deepEqual(fixture.lists, ['10.0.0.1 10.0.0.2'])
      await until('the finder waits', () => fixture.finder.status().state === 'backing-off')
      const { peers, syncAgeMs } = fixture.finder.status()
      assert.equal(peers, 2)
      assert.ok((syncAgeMs ?? 0) >= 1_800_000)
      await fixture.api.open(port)
      fixture.api.remove('uid-b')
      const openedAt = fixture.clock.now()
      await fixture.published('10.0.0.1')
      assert.ok(fixture.clock.now() - openedAt < 3_000, `${fixture.clock.now() - openedAt} ms`)
    },
  },
]
