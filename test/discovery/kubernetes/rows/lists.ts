import assert from 'node:assert/strict'
import { until } from '../../../support/until.ts'
import type { Call } from '../call.ts'
import { pod } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

const listed = (object: { metadata: object }) => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: '90' },
})
const page =
  (items: unknown, next?: string, resourceVersion = '100') =>
  (call: Call) =>
    call.reply(200, { kind: 'PodList', metadata: { resourceVersion, continue: next }, items })

/** The watch says something that is wrong; the finder lists, nothing older than what it knows. */
async function relistsAfter(world: World, line: string, complaint: RegExp): Promise<void> {
  world.api.put(A)
  const watch = await world.watching()
  watch.raw(line)
  world.api.put(B)
  const list = await world.call(3)
  assert.equal(list.isWatch, false)
  assert.equal(list.from, '101')
  assert.equal(list.url.searchParams.get('limit'), null)
  assert.match(world.errors[0] ?? '', complaint)
  await world.told('10.0.0.1', '10.0.0.2')
  await until('the old watch is closed', () => watch.isClosed)
}

/** A list that is none: the finder keeps what it knows, and lists again. */
async function refusesList(world: World, body: object | string, complaint: RegExp): Promise<void> {
  world.api.put(A)
  await world.watching()
  world.api.script(
    (call) => call.refuse(410),
    (call) => call.reply(200, body),
  )
  world.api.endWatches()
  const again = await world.call(5)
  assert.equal(again.isWatch, false)
  assert.equal(again.from, '101')
  assert.match(world.errors.at(-1) ?? '', complaint)
  await world.call(6)
  assert.deepEqual(world.lists, ['10.0.0.1'])
}

const event = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`

export const listRows: readonly FaultRow[] = [
  ...(
    [
      ['a line that is not JSON', '{"type":"ADDED","object":}\n', /Not JSON/],
      ['an empty line', '\n', /Not JSON/],
      [
        'an object without a UID',
        event('ADDED', { metadata: { name: 'x', resourceVersion: '1' } }),
        /metadata\.uid/,
      ],
      [
        'an object without a version',
        event('MODIFIED', { metadata: { name: 'x', uid: 'x' } }),
        /resourceVersion/,
      ],
      ['no object at all', event('DELETED', null), /Not one of the pods/],
      ['an event of a type that there is not', event('MOVED', A), /Not a watch event: type/],
      ['a bookmark without a version', event('BOOKMARK', { metadata: {} }), /Not a bookmark/],
      ['an ERROR without a status', event('ERROR', 'oops'), /Not a status/],
    ] as const
  ).map(
    ([what, line, complaint]): FaultRow => ({
      behaviour: `${what} in a watch is never skipped: everything is listed again`,
      run: (world) => relistsAfter(world, line, complaint),
    }),
  ),
  {
    behaviour: 'a line of more than 8 MiB is not taken into memory: everything is listed again',
    run: (world) => relistsAfter(world, 'x'.repeat(8_388_609), /more than 8388608 bytes/),
  },
  {
    behaviour: 'an event of a mebibyte is read',
    async run(world) {
      world.api.put(A)
      await world.watching()
      world.api.put(pod('b', '10.0.0.2', { metadata: { annotations: { x: 'é'.repeat(524_288) } } }))
      await world.told('10.0.0.1', '10.0.0.2')
      assert.deepEqual(world.errors, [])
    },
  },
  ...(
    [
      ['that is not JSON', 'oops', /Not JSON/],
      ['that is an empty object', {}, /Not a list/],
      ['without a version', { kind: 'PodList', metadata: {}, items: [] }, /Not a list/],
      ['without items', { kind: 'PodList', metadata: { resourceVersion: '1' } }, /Not a list/],
      [
        'with something that is no Pod',
        { kind: 'PodList', metadata: { resourceVersion: '1' }, items: [{}] },
        /Not one of/,
      ],
    ] as const
  ).map(
    ([what, body, complaint]): FaultRow => ({
      behaviour: `a list ${what} changes nothing, and is asked for again`,
      run: (world) => refusesList(world, body, complaint),
    }),
  ),
  {
    behaviour:
      'a list of more than 64 MiB is not taken into memory, but asked of the storage in pages from then on',
    async run(world) {
      world.api.put(A)
      world.api.script((call) => call.open().raw(' '.repeat(67_108_865)))
      await world.passing(world.start())
      assert.match(world.errors[0] ?? '', /more than 67108864 bytes/)
      const watch = await world.call(3)
      world.api.script((call) => call.refuse(410))
      watch.end()
      for (const list of [await world.call(2), await world.call(5)]) {
        assert.equal(list.from, '')
        assert.equal(list.url.searchParams.get('limit'), '500')
      }
    },
  },
  {
    behaviour: 'a list in chunks of one byte each takes little memory, or is given up',
    async run(world) {
      world.api.put(A)
      world.api.script((call) => {
        call.open().singleBytes(70_000)
        call.cut()
      })
      await world.passing(world.start())
      // Node joins what has come by itself.
      if ('Bun' in globalThis) assert.match(world.errors[0] ?? '', /too small pieces/)
    },
  },
  {
    behaviour: 'a list that does not come to its end within 30 seconds is asked for again',
    async run(world) {
      world.api.put(A)
      await world.watching()
      world.api.script(
        (call) => call.refuse(410),
        (call) => call.open(),
      )
      world.api.endWatches()
      const first = await world.call(4)
      await world.reading(() => first.raw('{"kind":"PodList",'))
      await world.clock.advance(29_000)
      assert.equal(world.finder.status().requests, 4)
      await world.clock.advance(1_001)
      await world.call(5)
      await until('the slow answer is given up', () => first.isClosed)
      assert.match(world.errors.at(-1) ?? '', /No whole list within 30 s/)
    },
  },
  {
    behaviour: 'the first list may come from any cache, and in pages',
    async run(world) {
      world.api.script(page([listed(A)], 'next-page'), page([listed(B)], undefined))
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.1 10.0.0.2'])
      const [first, second] = world.api.calls.map(({ url }) => Object.fromEntries(url.searchParams))
      assert.equal(first?.resourceVersion, '0')
      assert.equal(first?.limit, '500')
      assert.equal(second?.continue, 'next-page')
      assert.equal(second?.resourceVersion, undefined)
      assert.equal((await world.call(3)).from, '100')
    },
  },
  ...(
    [
      ['the same page again and again', () => 'again', 2],
      ['more than a thousand pages', (n: number) => `page-${n}`, 1_000],
    ] as const
  ).map(
    ([what, token, most]): FaultRow => ({
      behaviour: `a server that has ${what} is asked for them after a pause only`,
      async run(world) {
        world.api.rule = (call) => page([listed(A)], token(world.api.calls.length))(call)
        world.start().catch(() => {})
        await until('it gives up', () => world.finder.status().state === 'backing-off', 20_000)
        assert.equal(world.api.calls.length, most)
        assert.match(world.errors[0] ?? '', new RegExp(`A list without end: ${most} pages`))
        assert.deepEqual(world.lists, [])
      },
    }),
  ),
  {
    behaviour: 'pages that expire half-way are left for one whole list',
    async run(world) {
      world.api.script(page([listed(A)], 'next-page'), (call) => call.refuse(410))
      world.api.put(B)
      await world.start()
      assert.deepEqual(world.lists, ['10.0.0.2'])
      assert.equal(world.api.calls[2]?.url.searchParams.get('limit'), null)
      assert.equal(world.api.calls[2]?.url.searchParams.get('continue'), null)
    },
  },
  {
    behaviour: 'a list that is empty, and a success, is believed',
    async run(world) {
      world.api.put(A)
      await world.watching()
      world.api.script((call) => call.refuse(410), page([], undefined, '200'))
      world.api.endWatches()
      await world.told()
      assert.deepEqual(world.lists, ['10.0.0.1', ''])
    },
  },
  {
    behaviour:
      'everything is listed again every eight to twelve minutes, should a watch have kept something back',
    async run(world) {
      world.api.put(A)
      world.api.put(B)
      await world.watching()
      world.api.forget('uid-b')
      for (let n = 2; world.finder.status().relists === 0; n += 1) {
        const seconds = Number(world.api.calls[n - 1]?.url.searchParams.get('timeoutSeconds'))
        await world.clock.advance(seconds * 1_000)
        world.api.endWatches()
        await world.call(n + 1)
        await world.accepted()
      }
      const [first, second] = world.api.calls.filter(({ isWatch }) => !isWatch)
      const minutes = ((second?.at ?? 0) - (first?.at ?? 0)) / 60_000
      assert.ok(minutes >= 8 && minutes <= 12.1, `${minutes} minutes`)
      await world.told('10.0.0.1')
      assert.equal(world.finder.status().relists, 1)
      assert.deepEqual(world.errors, [])
    },
  },
  {
    behaviour: 'one connection serves every list and watch',
    async run(world) {
      world.api.put(A)
      await world.watching()
      for (let n = 3; n < 9; n += 2) {
        await world.clock.advance(2_000)
        world.api.script((call) => call.refuse(410))
        world.api.endWatches()
        await world.call(n + 2)
      }
      assert.equal(world.api.connections, 1)
    },
  },
]
