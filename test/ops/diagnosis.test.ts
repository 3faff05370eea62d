import { expect, test } from 'vitest'
import { type DebugView, diagnose } from '../../src/ops/diagnosis.ts'
import { createFleet } from '../../src/testing.ts'

await using fleet = await createFleet(3)
const healthy: DebugView = { version: '1.2.3', ...fleet.pod(0).sser.stats(), recentErrors: [] }
const [first, ...others] = healthy.peers.filter(({ state }) => state !== 'self')
const log = {
  entries: 9,
  bytes: 16_000_000,
  maxBytes: 16_777_216,
  oldestMs: 9_000,
  completeMs: 9_000,
  maxAgeMs: 120_000,
}

function failing(lastError: string, peers = others): Partial<DebugView> {
  const lost = {
    ...(first as DebugView['peers'][0]),
    state: 'failing',
    lastError,
    lag: 7,
    lagMs: 42_000,
  } as const
  return { peers: [lost, ...peers] }
}

test.each<[string, Partial<DebugView>, string, string, string | undefined]>([
  [
    'a healthy fleet',
    {},
    'good',
    'Ready, connected to all 2 peers, with 0 connections on 0 streams.',
    undefined,
  ],
  ['a Pod alone', { peers: [] }, 'good', 'This Pod has no peers', 'set the option peerFinder'],
  ['a forgotten start()', { state: 'idle' }, 'bad', 'was never started', 'Await serve()'],
  ['a drain', { state: 'draining' }, 'passing', 'is stopping: 0 connections left', undefined],
  [
    'a dead peer',
    failing('fetch failed: connect ECONNREFUSED 10.0.0.9:7000'),
    'bad',
    '1 peer of 2 is not reachable; 7 entries of this Pod did not reach it, the oldest 42 s ago.',
    'Check that the Pod runs',
  ],
  [
    'a silent peer',
    failing('no answer within 5000 ms', []),
    'bad',
    'The only peer is not reachable',
    'NetworkPolicy',
  ],
  [
    'a wrong secret',
    failing('refuses our signature: is its peerSecret ours?'),
    'bad',
    '1 peer of 2 and this Pod do not have the same peerSecret',
    'Give all Pods the same peerSecret; to replace it, roll out [old, new]',
  ],
  [
    'a failing API server',
    {
      peerFinder: {
        state: 'backing-off',
        syncAgeMs: 300_000,
        lastError: { message: '10.96.0.1 answered 503', ageMs: 2_000 },
      },
    },
    'bad',
    'The list of peers was confirmed 5 min ago',
    'Check that the API server or DNS server is up',
  ],
  [
    'an error of the finder that is over',
    { peerFinder: { state: 'watching', syncAgeMs: 1_000, lastError: { message: 'x', ageMs: 2_000 } } },
    'good',
    'Ready',
    undefined,
  ],
  [
    'a selector that misses the Pod',
    { peerFinder: { state: 'watching', syncAgeMs: 0, listsSelf: false } },
    'bad',
    'does not list this Pod',
    'selector',
  ],
  [
    'a full log',
    { log },
    'bad',
    'The log is full (15.3 MiB of 16 MiB): clients of its largest streams that were away for more than 9 s',
    'Raise logMaxBytes',
  ],
  ['a full log that holds its time', { log: { ...log, completeMs: 110_000 } }, 'good', 'Ready', undefined],
  [
    'a certificate that ends',
    { certificateExpiresAt: Date.now() + 86_400_000 },
    'bad',
    'expires in 24 h',
    'Renew',
  ],
  ['a blocked event loop', { eventLoopLagMs: 2_000 }, 'bad', 'was blocked for 2 s', 'CPU profile'],
  [
    'a failing authorize',
    { recentErrors: [{ stage: 'authorize', message: 'the store is down', ageMs: 3_000 }] },
    'bad',
    'The last error is 3 s old, in the stage "authorize".',
    'Check what the authorize function calls',
  ],
  [
    'an old error',
    { recentErrors: [{ stage: 'authorize', message: 'the store is down', ageMs: 400_000 }] },
    'good',
    'Ready',
    undefined,
  ],
])('the debug page begins with %s', (_, change, level, message, fix) => {
  const diagnosis = diagnose({ ...healthy, ...change })
  expect(diagnosis.level).toBe(level)
  expect(diagnosis.message).toContain(message)
  if (fix === undefined) expect(diagnosis.fix).toBeUndefined()
  else expect(diagnosis.fix).toContain(fix)
})

test('the state of the Pod comes before its peers, and a peer before the log', () => {
  const both = { ...healthy, ...failing('no answer within 5000 ms'), log }
  expect(diagnose(both).message).toContain('not reachable')
  expect(diagnose({ ...both, state: 'draining' }).message).toContain('is stopping')
})
