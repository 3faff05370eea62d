import assert from 'node:assert/strict'
import { until } from '../../../support/until.ts'
import type { Call } from '../call.ts'
import { pod } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

/** The finder is stopped here; after that it does, tells and holds nothing. */
async function stops(world: World): Promise<void> {
  const { requests } = world.finder.status()
  const lists = [...world.lists]
  const errors = [...world.errors]
  world.stop.abort()
  await until('the finder is stopped', () => world.finder.status().state === 'stopped')
  await until('it holds no connection', () => world.api.openConnections === 0)
  assert.equal(world.clock.timers, 0)
  await world.clock.advance(600_000)
  assert.equal(world.finder.status().requests, requests)
  assert.deepEqual(world.lists, lists)
  assert.deepEqual(world.errors, errors)
}

/** Ends the first watch; then an answer that has to be waited for. */
async function relists(world: World, answer: (call: Call) => void): Promise<void> {
  world.api.put(A)
  await world.watching()
  world.api.script((call) => call.refuse(410), answer)
  world.api.endWatches()
  await world.call(4)
}

export const stopRows: readonly FaultRow[] = [
  {
    behaviour: 'stopped while it watches, it closes its connection and is silent',
    async run(world) {
      world.api.put(A)
      await world.watching()
      await stops(world)
    },
  },
  {
    behaviour: 'stopped while it waits for a list’s head, it is silent',
    async run(world) {
      await relists(world, () => {})
      await stops(world)
    },
  },
  {
    behaviour: 'stopped in the middle of a list, it is silent',
    async run(world) {
      await relists(world, (call) => call.open().raw('{'))
      await until('it reads the list', () => world.bytes > 0)
      await stops(world)
    },
  },
  {
    behaviour: 'stopped between two pages, it is silent',
    async run(world) {
      world.api.put(A)
      await world.watching()
      const metadata = { resourceVersion: '200', continue: 'next' }
      const gone = (call: Call) => call.refuse(410)
      const first = (call: Call) => call.reply(200, { kind: 'PodList', metadata, items: [] })
      world.api.script(gone, gone, first, () => {})
      world.api.endWatches()
      await world.call(6)
      await stops(world)
    },
  },
  {
    behaviour: 'stopped while a list’s answer is on its way, it tells of nothing in it',
    async run(world) {
      let answer = () => {}
      await relists(world, (call) => {
        answer = () => call.reply(200, world.api.listBody())
      })
      world.api.put(B)
      answer()
      await stops(world)
    },
  },
  {
    behaviour: 'stopped while it waits for a watch’s head, it is silent',
    async run(world) {
      world.api.put(A)
      world.api.script(
        (call) => call.reply(200, world.api.listBody()),
        () => {},
      )
      await world.start()
      await world.call(2)
      await stops(world)
    },
  },
  {
    behaviour: 'stopped in the middle of an event, it is silent',
    async run(world) {
      world.api.put(A)
      const watch = await world.watching()
      await world.reading(() => watch.raw('{"type":'))
      await stops(world)
    },
  },
  {
    behaviour: 'stopped between two tries, it does not try again',
    async run(world) {
      world.api.put(A)
      await world.watching()
      world.api.endWatches('cut')
      await until('it waits', () => world.finder.status().state === 'backing-off')
      await stops(world)
    },
  },
  {
    behaviour: 'stopped between two watches, it does not watch again',
    async run(world) {
      world.api.put(A)
      await world.watching()
      await world.clock.advance(2_000)
      world.api.endWatches()
      await until('the end is noticed', () => world.finder.status().syncAgeMs === 0)
      await stops(world)
    },
  },
  {
    behaviour: 'stopped after a change and before it told of it, it does not tell',
    async run(world) {
      world.api.put(A)
      await world.watching()
      await world.reading(() => world.api.put(B))
      await stops(world)
    },
  },
  {
    behaviour: 'stopped while it waits for a dead Pod to be given up, it lets go of it',
    async run(world) {
      world.api.put(pod('a', '10.0.0.1', { metadata: { deletionTimestamp: world.api.time(60_000) } }))
      await world.watching()
      await stops(world)
    },
  },
  {
    behaviour: 'stopped while it reads its credentials, it sends nothing',
    async run(world) {
      world.api.put(A)
      const started = assert.rejects(world.start(), /aborted/)
      await stops(world)
      await started
      assert.equal(world.api.calls.length, 0)
    },
  },
  {
    behaviour:
      'an API server that is away for half an hour takes nobody away, and is found within two seconds of its return',
    async run(world) {
      world.api.put(A)
      world.api.put(B)
      await world.watching()
      const { port } = world.api
      await world.api.close()
      const end = world.clock.now() + 1_800_000
      while (world.clock.now() < end) {
        await until('the finder waits', () => world.finder.status().state === 'backing-off')
        await world.clock.advance(2_000)
      }
      assert.deepEqual(world.lists, ['10.0.0.1 10.0.0.2'])
      await until('the finder waits', () => world.finder.status().state === 'backing-off')
      const { peers, syncAgeMs } = world.finder.status()
      assert.equal(peers, 2)
      assert.ok((syncAgeMs ?? 0) >= 1_800_000)
      await world.api.open(port)
      world.api.remove('uid-b')
      const openedAt = world.clock.now()
      await world.told('10.0.0.1')
      assert.ok(world.clock.now() - openedAt < 3_000, `${world.clock.now() - openedAt} ms`)
    },
  },
]
