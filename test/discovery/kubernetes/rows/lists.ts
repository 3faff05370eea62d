import assert from 'node:assert/strict'
import { until } from '../../../support/until.ts'
import type { Call } from '../call.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { pod } from '../objects.ts'
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

/** Sends an invalid line in the watch; asserts that the finder lists, not older than its version. */
async function relistsAfter(fixture: ClusterFixture, line: string, complaint: RegExp): Promise<void> {
  fixture.api.put(A)
  const watch = await fixture.watching()
  watch.raw(line)
  fixture.api.put(B)
  const list = await fixture.call(3)
  assert.equal(list.isWatch, false)
  assert.equal(list.from, '101')
  assert.equal(list.url.searchParams.get('limit'), null)
  assert.match(fixture.errors[0] ?? '', complaint)
  await fixture.published('10.0.0.1', '10.0.0.2')
  await until('the old watch is closed', () => watch.isClosed)
}

/** Sends an invalid list; asserts that the finder keeps its peers, and lists again. */
async function refusesList(fixture: ClusterFixture, body: object | string, complaint: RegExp): Promise<void> {
  fixture.api.put(A)
  await fixture.watching()
  fixture.api.script(
    (call) => call.refuse(410),
    (call) => call.reply(200, body),
  )
  fixture.api.endWatches()
  const again = await fixture.call(5)
  assert.equal(again.isWatch, false)
  assert.equal(again.from, '101')
  assert.match(fixture.errors.at(-1) ?? '', complaint)
  await fixture.call(6)
  assert.deepEqual(fixture.lists, ['10.0.0.1'])
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
      ['an event of an unknown type', event('MOVED', A), /Not a watch event: type/],
      ['a bookmark without a version', event('BOOKMARK', { metadata: {} }), /Not a bookmark/],
      ['an ERROR without a status', event('ERROR', 'oops'), /Not a status/],
    ] as const
  ).map(
    ([name, line, complaint]): FaultRow => ({
      behaviour: `lists again after ${name} in a watch, because it skips no event`,
      run: (fixture) => relistsAfter(fixture, line, complaint),
    }),
  ),
  {
    behaviour: 'lists again after a line of more than 8 MiB, and does not buffer it',
    run: (fixture) => relistsAfter(fixture, 'x'.repeat(8_388_609), /more than 8388608 bytes/),
  },
  {
    behaviour: 'reads an event of one mebibyte',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      fixture.api.put(pod('b', '10.0.0.2', { metadata: { annotations: { x: 'é'.repeat(524_288) } } }))
      await fixture.published('10.0.0.1', '10.0.0.2')
      assert.deepEqual(fixture.errors, [])
    },
  },
  ...(
    [
      ['that is not JSON', 'oops', /Not JSON/],
      ['that is an empty object', {}, /Not a list/],
      ['without a version', { kind: 'PodList', metadata: {}, items: [] }, /Not a list/],
      ['without items', { kind: 'PodList', metadata: { resourceVersion: '1' } }, /Not a list/],
      [
        'with an item that is not a Pod',
        { kind: 'PodList', metadata: { resourceVersion: '1' }, items: [{}] },
        /Not one of/,
      ],
    ] as const
  ).map(
    ([fault, body, complaint]): FaultRow => ({
      behaviour: `ignores a list ${fault}, and lists again`,
      run: (fixture) => refusesList(fixture, body, complaint),
    }),
  ),
  {
    behaviour: 'discards a list of more than 64 MiB, and lists the storage in pages from then on',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.script((call) => call.open().raw(' '.repeat(67_108_865)))
      await fixture.passing(fixture.start())
      assert.match(fixture.errors[0] ?? '', /more than 67108864 bytes/)
      const watch = await fixture.call(3)
      fixture.api.script((call) => call.refuse(410))
      watch.end()
      for (const list of [await fixture.call(2), await fixture.call(5)]) {
        assert.equal(list.from, '')
        assert.equal(list.url.searchParams.get('limit'), '500')
      }
    },
  },
  {
    behaviour: 'bounds the memory of a list that arrives in chunks of one byte',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.script((call) => {
        call.open().singleBytes(70_000)
        call.cut()
      })
      await fixture.passing(fixture.start())
      // Node joins small chunks by itself.
      if ('Bun' in globalThis) assert.match(fixture.errors[0] ?? '', /too small pieces/)
    },
  },
  {
    behaviour: 'lists again if a list is incomplete after 30 seconds',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      fixture.api.script(
        (call) => call.refuse(410),
        (call) => call.open(),
      )
      fixture.api.endWatches()
      const first = await fixture.call(4)
      await fixture.reading(() => first.raw('{"kind":"PodList",'))
      await fixture.clock.advance(29_000)
      assert.equal(fixture.finder.status().requests, 4)
      await fixture.clock.advance(1_001)
      await fixture.call(5)
      await until('the slow answer is given up', () => first.isClosed)
      assert.match(fixture.errors.at(-1) ?? '', /No whole list within 30 s/)
    },
  },
  {
    behaviour: 'accepts a cached first list, in pages',
    async run(fixture) {
      fixture.api.script(page([listed(A)], 'next-page'), page([listed(B)], undefined))
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.1 10.0.0.2'])
      const [first, second] = fixture.api.calls.map(({ url }) => Object.fromEntries(url.searchParams))
      assert.equal(first?.resourceVersion, '0')
      assert.equal(first?.limit, '500')
      assert.equal(second?.continue, 'next-page')
      assert.equal(second?.resourceVersion, undefined)
      assert.equal((await fixture.call(3)).from, '100')
    },
  },
  ...(
    [
      ['the same page again and again', () => 'again', 2],
      ['more than a thousand pages', (n: number) => `page-${n}`, 1_000],
    ] as const
  ).map(
    ([pages, token, max]): FaultRow => ({
      behaviour: `pauses before it lists a server again that has ${pages}`,
      async run(fixture) {
        fixture.api.rule = (call) => page([listed(A)], token(fixture.api.calls.length))(call)
        fixture.start().catch(() => {})
        await until('it gives up', () => fixture.finder.status().state === 'backing-off')
        assert.equal(fixture.api.calls.length, max)
        assert.match(fixture.errors[0] ?? '', new RegExp(`A list without end: ${max} pages`))
        assert.deepEqual(fixture.lists, [])
      },
    }),
  ),
  {
    behaviour: 'lists without pages after the continue token has expired',
    async run(fixture) {
      fixture.api.script(page([listed(A)], 'next-page'), (call) => call.refuse(410))
      fixture.api.put(B)
      await fixture.start()
      assert.deepEqual(fixture.lists, ['10.0.0.2'])
      assert.equal(fixture.api.calls[2]?.url.searchParams.get('limit'), null)
      assert.equal(fixture.api.calls[2]?.url.searchParams.get('continue'), null)
    },
  },
  {
    behaviour: 'accepts an empty list of a successful response',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      fixture.api.script((call) => call.refuse(410), page([], undefined, '200'))
      fixture.api.endWatches()
      await fixture.published()
      assert.deepEqual(fixture.lists, ['10.0.0.1', ''])
    },
  },
  {
    behaviour: 'lists again every eight to twelve minutes, in case a watch dropped an event',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.put(B)
      await fixture.watching()
      fixture.api.forget('uid-b')
      for (let n = 2; fixture.finder.status().relists === 0; n += 1) {
        const seconds = Number(fixture.api.calls[n - 1]?.url.searchParams.get('timeoutSeconds'))
        await fixture.clock.advance(seconds * 1_000)
        fixture.api.endWatches()
        await fixture.call(n + 1)
        await fixture.accepted()
      }
      const [first, second] = fixture.api.calls.filter(({ isWatch }) => !isWatch)
      const minutes = ((second?.at ?? 0) - (first?.at ?? 0)) / 60_000
      assert.ok(minutes >= 8 && minutes <= 12.1, `${minutes} minutes`)
      await fixture.published('10.0.0.1')
      assert.equal(fixture.finder.status().relists, 1)
      assert.deepEqual(fixture.errors, [])
    },
  },
  {
    behaviour: 'uses one connection for every list and watch',
    async run(fixture) {
      fixture.api.put(A)
      await fixture.watching()
      for (let n = 3; n < 9; n += 2) {
        await fixture.clock.advance(2_000)
        fixture.api.script((call) => call.refuse(410))
        fixture.api.endWatches()
        await fixture.call(n + 2)
      }
      assert.equal(fixture.api.connections, 1)
    },
  },
]
