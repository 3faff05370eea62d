import { expect, test } from 'vitest'
import { PeerRequests } from '../../src/telemetry/counters.ts'

test('counters of requests to removed peers are evicted, the oldest first', () => {
  const requests = new PeerRequests()
  for (let i = 0; i < 1_500; i += 1) {
    requests.add(`10.0.0.${i}:7000`, 200, 2)
    requests.add(`10.0.0.${i}:7000`, 200, 3)
    requests.add(`10.0.0.${i}:7000`, 0, 5_000)
  }
  const list = requests.list()
  expect(list).toHaveLength(2_000)
  expect(list[0]).toEqual({ peer: '10.0.0.500:7000', status: 200, count: 2, sumMs: 5 })
  expect(list.at(-1)).toEqual({ peer: '10.0.0.1499:7000', status: 0, count: 1, sumMs: 5_000 })
})
