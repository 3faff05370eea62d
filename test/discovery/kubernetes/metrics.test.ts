import { expect, test } from 'vitest'
import { scrape } from '../../support/metrics.ts'
import { newSser } from '../../support/settings.ts'
import { ClusterFixture } from './cluster-fixture.ts'
import { pod } from './objects.ts'

test('sser_peer_finder_lists_self shows whether the finder lists this Pod, and is absent without its identity', async () => {
  const fixture = await ClusterFixture.create()
  const sser = newSser({ peerFinder: fixture.finder, clock: fixture.clock, logger: false })
  const listed = async () => (await scrape(sser)).of('sser_peer_finder_lists_self')
  expect(await listed()).toEqual([])
  process.env.POD_UID = 'uid-a'
  void sser.start()
  await fixture.accepted()
  expect(await listed()).toEqual(['sser_peer_finder_lists_self'])
  expect((await scrape(sser)).get('sser_peer_finder_lists_self')).toBe(0)
  fixture.api.put(pod('a', '10.0.0.1'))
  await fixture.until('it finds itself', () => fixture.finder.status().listsSelf === true)
  expect((await scrape(sser)).get('sser_peer_finder_lists_self')).toBe(1)
  void sser.stop()
  await fixture.clock.advance(20_000)
  await fixture.end()
})

test('metrics show the state of the finder and the age of its last confirmation', async () => {
  const fixture = await ClusterFixture.create()
  const sser = newSser({ peerFinder: fixture.finder, clock: fixture.clock })
  expect((await scrape(sser)).get('sser_peer_finder_state{state="idle"}')).toBe(1)
  expect((await scrape(sser)).of('sser_peer_finder_sync_age_seconds')).toEqual([])
  void sser.start()
  await fixture.accepted()
  await fixture.clock.advance(45_000)
  const now = await scrape(sser)
  expect(now.of('sser_peer_finder_state')).toEqual(['sser_peer_finder_state{state="watching"}'])
  expect(now.get('sser_peer_finder_sync_age_seconds')).toBe(45)
  expect(now.get('sser_state{state="ready"}')).toBe(1)
  void sser.stop()
  await fixture.clock.advance(20_000)
  await fixture.end()
})
