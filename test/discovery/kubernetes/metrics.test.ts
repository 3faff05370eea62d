import { expect, test } from 'vitest'
import { Sser } from '../../../src/index.ts'
import { scrape } from '../../support/metrics.ts'
import { pod } from './objects.ts'
import { World } from './world.ts'

test('a Pod says whether its finder lists it, and nothing where it does not know who it is', async () => {
  const world = await World.create()
  const sser = new Sser({ peerFinder: world.finder, clock: world.clock, logger: false })
  const listed = async () => (await scrape(sser)).of('sser_peer_finder_lists_self')
  expect(await listed()).toEqual([])
  process.env.POD_UID = 'uid-a'
  void sser.start()
  await world.accepted()
  expect(await listed()).toEqual(['sser_peer_finder_lists_self'])
  expect((await scrape(sser)).get('sser_peer_finder_lists_self')).toBe(0)
  world.api.put(pod('a', '10.0.0.1'))
  await world.until('it finds itself', () => world.finder.status().listsSelf === true)
  expect((await scrape(sser)).get('sser_peer_finder_lists_self')).toBe(1)
  void sser.stop()
  await world.clock.advance(20_000)
  await world.end()
})

test('a Pod says how its finder stands, and for how long the API server has said nothing', async () => {
  const world = await World.create()
  const sser = new Sser({ peerFinder: world.finder, clock: world.clock })
  expect((await scrape(sser)).get('sser_peer_finder_state{state="idle"}')).toBe(1)
  expect((await scrape(sser)).of('sser_peer_finder_sync_age_seconds')).toEqual([])
  void sser.start()
  await world.accepted()
  await world.clock.advance(45_000)
  const now = await scrape(sser)
  expect(now.of('sser_peer_finder_state')).toEqual(['sser_peer_finder_state{state="watching"}'])
  expect(now.get('sser_peer_finder_sync_age_seconds')).toBe(45)
  expect(now.get('sser_state{state="ready"}')).toBe(1)
  void sser.stop()
  await world.clock.advance(20_000)
  await world.end()
})
