import assert from 'node:assert/strict'
import { until } from '../../../support/until.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { pod } from '../objects.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

/** Starts the finder with A in its list, and its watch open. */
async function watching(fixture: ClusterFixture) {
  fixture.api.put(A)
  const watch = await fixture.watching()
  // A watch that ends earlier counts as failed.
  await fixture.clock.advance(2_000)
  return watch
}

/** Asserts that the third request is a watch from the version of the first one. */
async function resumes(fixture: ClusterFixture) {
  const { version } = fixture.api
  const call = await fixture.call(3)
  assert.equal(call.isWatch, true)
  assert.equal(call.from, `${version}`)
  assert.deepEqual(fixture.lists, ['10.0.0.1'])
  return call
}

/** Asserts that the next watch delivers the changes that a broken one missed. */
async function catchesUp(fixture: ClusterFixture): Promise<void> {
  fixture.api.put(B)
  await fixture.published('10.0.0.1', '10.0.0.2')
}

export const watchRows: readonly FaultRow[] = [
  {
    behaviour: 'resumes an ended watch within a second, over the same connection',
    async run(fixture) {
      const watch = await watching(fixture)
      await fixture.clock.advance(300_000)
      fixture.api.endWatches()
      await until('the end is noticed', () => fixture.finder.status().syncAgeMs === 0)
      const endedAt = fixture.clock.now()
      const again = await resumes(fixture)
      assert.ok(again.at - endedAt <= 1_020, `${again.at - endedAt} ms`)
      assert.equal(again.connection, watch.connection)
      assert.deepEqual(fixture.errors, [])
      await catchesUp(fixture)
    },
  },
  {
    behaviour: 'requests watches of four to eight minutes, with bookmarks',
    async run(fixture) {
      const { searchParams } = (await watching(fixture)).url
      const seconds = Number(searchParams.get('timeoutSeconds'))
      assert.ok(seconds >= 240 && seconds <= 480, `${seconds} s`)
      assert.equal(searchParams.get('allowWatchBookmarks'), 'true')
      assert.equal(searchParams.get('labelSelector'), 'app=web')
      assert.equal(searchParams.get('fieldSelector'), 'status.phase=Running')
    },
  },
  {
    behaviour: 'backs off between watches that end at once without an event',
    async run(fixture) {
      await watching(fixture)
      fixture.api.rule = (call) => call.open().end()
      fixture.api.endWatches()
      const third = await fixture.call(3)
      const twelfth = await fixture.call(12)
      assert.ok(twelfth.at - third.at > 10_000)
      assert.equal(fixture.finder.status().relists, 0)
      assert.match(fixture.errors[0] ?? '', /ended at once/)
      assert.deepEqual(fixture.lists, ['10.0.0.1'])
    },
  },
  ...(['cut', 'reset'] as const).map(
    (how): FaultRow => ({
      behaviour: `resumes a watch after a connection ${how}, over a new connection`,
      async run(fixture) {
        const watch = await watching(fixture)
        fixture.api.endWatches(how)
        const again = await resumes(fixture)
        assert.notEqual(again.connection, watch.connection)
        assert.equal(fixture.errors.length, 1)
        await catchesUp(fixture)
      },
    }),
  ),
  ...(['end', 'cut'] as const).map(
    (how): FaultRow => ({
      behaviour: `drops half a line at the ${how}, and receives its event again`,
      async run(fixture) {
        const watch = await watching(fixture)
        watch.raw(JSON.stringify({ type: 'ADDED', object: B }).slice(0, -2))
        fixture.api.endWatches(how)
        await resumes(fixture)
        assert.equal(fixture.errors.length, 1)
        await catchesUp(fixture)
        assert.deepEqual(fixture.lists, ['10.0.0.1', '10.0.0.1 10.0.0.2'])
      },
    }),
  ),
  {
    behaviour: 'reads a line that arrives byte by byte as one event',
    async run(fixture) {
      const watch = await watching(fixture)
      const object = { ...B, metadata: { ...B.metadata, resourceVersion: '200', annotations: { é: '✓' } } }
      for (const byte of Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`)) watch.byte(byte)
      await fixture.published('10.0.0.1', '10.0.0.2')
      assert.deepEqual(fixture.errors, [])
    },
  },
  {
    behaviour: 'closes a connection after 150 seconds of silence since a bookmark',
    async run(fixture) {
      const watch = await watching(fixture)
      await fixture.reading(() => fixture.api.bookmark())
      await fixture.clock.advance(149_000)
      assert.equal(fixture.finder.status().requests, 2)
      await fixture.clock.advance(2_000)
      const again = await resumes(fixture)
      assert.notEqual(again.connection, watch.connection)
      assert.match(fixture.errors[0] ?? '', /Nothing came for 150 s/)
      await fixture.until('the old connection is closed', () => watch.isClosed)
    },
  },
  {
    behaviour: 'closes a watch that receives bytes but no line',
    async run(fixture) {
      const watch = await watching(fixture)
      await fixture.reading(() => fixture.api.bookmark())
      for (let i = 0; i < 15; i += 1) {
        watch.raw('{')
        await fixture.clock.advance(10_000)
      }
      await fixture.clock.advance(1_000)
      await resumes(fixture)
    },
  },
  {
    behaviour: 'keeps a watch alive by events, and tolerates silence before any bookmark',
    async run(fixture) {
      await watching(fixture)
      await fixture.clock.advance(200_000)
      await fixture.reading(() => fixture.api.bookmark())
      for (let i = 1; i <= 2; i += 1) {
        await fixture.clock.advance(140_000)
        await fixture.reading(() => fixture.api.put(A))
      }
      assert.deepEqual(fixture.errors, [])
      assert.equal(fixture.api.calls.length, 2)
    },
  },
  {
    behaviour: 'closes a watch 15 seconds after it should have ended',
    async run(fixture) {
      const watch = await watching(fixture)
      const seconds = Number(watch.url.searchParams.get('timeoutSeconds'))
      await fixture.clock.advance(watch.at + seconds * 1_000 + 14_999 - fixture.clock.now())
      assert.equal(fixture.finder.status().requests, 2)
      await fixture.clock.advance(1)
      await resumes(fixture)
      assert.match(fixture.errors[0] ?? '', /did not end/)
    },
  },
  {
    behaviour: 'closes a watch without a response after 10 seconds',
    async run(fixture) {
      await watching(fixture)
      fixture.api.script(() => {})
      fixture.api.endWatches()
      await fixture.call(3)
      await fixture.clock.advance(10_001)
      const again = await fixture.call(4)
      assert.equal(again.from, `${fixture.api.version}`)
      assert.match(fixture.errors[0] ?? '', /No answer within 10 s/)
    },
  },
  {
    behaviour: 'advances only the version of the next watch after a bookmark',
    async run(fixture) {
      await watching(fixture)
      for (let i = 0; i < 5; i += 1) await fixture.reading(() => fixture.api.bookmark())
      fixture.api.endWatches()
      await resumes(fixture)
      assert.deepEqual(fixture.errors, [])
    },
  },
]
