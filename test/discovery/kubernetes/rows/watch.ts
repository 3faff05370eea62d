import assert from 'node:assert/strict'
import { until } from '../../../support/until.ts'
import { pod } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

/** A world that knows A, with its watch open. */
async function watching(world: World) {
  world.api.put(A)
  const watch = await world.watching()
  // A watch that ends sooner is a fault of its own.
  await world.clock.advance(2_000)
  return watch
}

/** The third request is a watch that goes on from where the first one was. */
async function resumes(world: World) {
  const { version } = world.api
  const call = await world.call(3)
  assert.equal(call.isWatch, true)
  assert.equal(call.from, `${version}`)
  assert.deepEqual(world.lists, ['10.0.0.1'])
  return call
}

/** What a watch that broke missed is told when it goes on. */
async function catchesUp(world: World): Promise<void> {
  world.api.put(B)
  await world.told('10.0.0.1', '10.0.0.2')
}

export const watchRows: readonly FaultRow[] = [
  {
    behaviour: 'a watch that ends as it should goes on within a second, over the same connection',
    async run(world) {
      const watch = await watching(world)
      await world.clock.advance(300_000)
      world.api.endWatches()
      await until('the end is noticed', () => world.finder.status().syncAgeMs === 0)
      const endedAt = world.clock.now()
      const again = await resumes(world)
      assert.ok(again.at - endedAt <= 1_020, `${again.at - endedAt} ms`)
      assert.equal(again.connection, watch.connection)
      assert.deepEqual(world.errors, [])
      await catchesUp(world)
    },
  },
  {
    behaviour: 'a watch asks to be ended after four to eight minutes, and for bookmarks',
    async run(world) {
      const { searchParams } = (await watching(world)).url
      const seconds = Number(searchParams.get('timeoutSeconds'))
      assert.ok(seconds >= 240 && seconds <= 480, `${seconds} s`)
      assert.equal(searchParams.get('allowWatchBookmarks'), 'true')
      assert.equal(searchParams.get('labelSelector'), 'app=web')
      assert.equal(searchParams.get('fieldSelector'), 'status.phase=Running')
    },
  },
  {
    behaviour: 'watches that end at once, without an event, are waited between, longer and longer',
    async run(world) {
      await watching(world)
      world.api.rule = (call) => call.open().end()
      world.api.endWatches()
      const third = await world.call(3)
      const twelfth = await world.call(12)
      assert.ok(twelfth.at - third.at > 10_000)
      assert.equal(world.finder.status().relists, 0)
      assert.match(world.errors[0] ?? '', /ended at once/)
      assert.deepEqual(world.lists, ['10.0.0.1'])
    },
  },
  ...(['cut', 'reset'] as const).map(
    (how): FaultRow => ({
      behaviour: `a watch whose connection is ${how} goes on from where it was, over a new one`,
      async run(world) {
        const watch = await watching(world)
        world.api.endWatches(how)
        const again = await resumes(world)
        assert.notEqual(again.connection, watch.connection)
        assert.equal(world.errors.length, 1)
        await catchesUp(world)
      },
    }),
  ),
  ...(['end', 'cut'] as const).map(
    (how): FaultRow => ({
      behaviour: `half a line at the ${how} is dropped, and its event comes again`,
      async run(world) {
        const watch = await watching(world)
        watch.raw(JSON.stringify({ type: 'ADDED', object: B }).slice(0, -2))
        world.api.endWatches(how)
        await resumes(world)
        assert.equal(world.errors.length, 1)
        await catchesUp(world)
        assert.deepEqual(world.lists, ['10.0.0.1', '10.0.0.1 10.0.0.2'])
      },
    }),
  ),
  {
    behaviour: 'a line that comes byte by byte is one event',
    async run(world) {
      const watch = await watching(world)
      const object = { ...B, metadata: { ...B.metadata, resourceVersion: '200', annotations: { é: '✓' } } }
      for (const byte of Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`)) watch.byte(byte)
      await world.told('10.0.0.1', '10.0.0.2')
      assert.deepEqual(world.errors, [])
    },
  },
  {
    behaviour: 'a connection that falls silent after a bookmark is given up after 150 seconds',
    async run(world) {
      const watch = await watching(world)
      await world.reading(() => world.api.bookmark())
      await world.clock.advance(149_000)
      assert.equal(world.finder.status().requests, 2)
      await world.clock.advance(2_000)
      const again = await resumes(world)
      assert.notEqual(again.connection, watch.connection)
      assert.match(world.errors[0] ?? '', /Nothing came for 150 s/)
      await world.until('the old connection is closed', () => watch.isClosed)
    },
  },
  {
    behaviour: 'bytes that never become a line do not keep a watch alive',
    async run(world) {
      const watch = await watching(world)
      await world.reading(() => world.api.bookmark())
      for (let i = 0; i < 15; i += 1) {
        watch.raw('{')
        await world.clock.advance(10_000)
      }
      await world.clock.advance(1_000)
      await resumes(world)
    },
  },
  {
    behaviour: 'events alone keep a watch alive, and silence before any bookmark is nobody’s fault',
    async run(world) {
      await watching(world)
      await world.clock.advance(200_000)
      await world.reading(() => world.api.bookmark())
      for (let i = 1; i <= 2; i += 1) {
        await world.clock.advance(140_000)
        await world.reading(() => world.api.put(A))
      }
      assert.deepEqual(world.errors, [])
      assert.equal(world.api.calls.length, 2)
    },
  },
  {
    behaviour: 'a watch that does not end by itself is cut off 15 seconds after it should have',
    async run(world) {
      const watch = await watching(world)
      const seconds = Number(watch.url.searchParams.get('timeoutSeconds'))
      await world.clock.advance(watch.at + seconds * 1_000 + 14_999 - world.clock.now())
      assert.equal(world.finder.status().requests, 2)
      await world.clock.advance(1)
      await resumes(world)
      assert.match(world.errors[0] ?? '', /did not end/)
    },
  },
  {
    behaviour: 'a watch without an answer is given up after 10 seconds',
    async run(world) {
      await watching(world)
      world.api.script(() => {})
      world.api.endWatches()
      await world.call(3)
      await world.clock.advance(10_001)
      const again = await world.call(4)
      assert.equal(again.from, `${world.api.version}`)
      assert.match(world.errors[0] ?? '', /No answer within 10 s/)
    },
  },
  {
    behaviour: 'a bookmark moves on the version from which a watch resumes, and nothing else',
    async run(world) {
      await watching(world)
      for (let i = 0; i < 5; i += 1) await world.reading(() => world.api.bookmark())
      world.api.endWatches()
      await resumes(world)
      assert.deepEqual(world.errors, [])
    },
  },
]
