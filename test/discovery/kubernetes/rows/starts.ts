import assert from 'node:assert/strict'
import { describe } from '../../../../src/errors.ts'
import { SserError } from '../../../../src/index.ts'
import { KubernetesPeerFinder } from '../../../../src/kubernetes.ts'
import { until, within } from '../../../support/until.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { endpoint, pod, slice } from '../objects.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')

/** Asserts that a failed start leaves no timer and no connection. */
async function isOver(fixture: ClusterFixture): Promise<void> {
  await until('the finder is stopped', () => fixture.finder.status().state === 'stopped')
  assert.equal(fixture.clock.timers, 0)
}

/** Message of the rejection of `start()`; advances time until then. */
async function refusal(fixture: ClusterFixture): Promise<string> {
  const error: unknown = await fixture.passing(
    fixture.start().then(
      () => 'it started',
      (reason: unknown) => reason,
    ),
  )
  assert.ok(error instanceof SserError, String(error))
  assert.equal(error.code, 'peer-finder-failed')
  await isOver(fixture)
  return error.message
}

const FORBIDDEN =
  'pods is forbidden: User "system:serviceaccount:shop:cashier" cannot list resource "pods" in API group ""'

export const startRows: readonly FaultRow[] = [
  {
    behaviour: 'rejects a labelSelector in place of its options, with the expected form',
    async run() {
      const fault =
        /new KubernetesPeerFinder\(\): expected options such as { labelSelector: .*, got "app=web"/
      assert.throws(() => new KubernetesPeerFinder('app=web' as never), fault)
    },
  },
  {
    behaviour: 'start() waits while errors are temporary',
    async run(fixture) {
      fixture.api.put(A)
      fixture.api.script(
        (call) => call.reset(),
        (call) => call.refuse(500),
        (call) => call.refuse(429, { headers: { 'retry-after': '2' } }),
        (call) => call.reply(200, 'oops'),
        (call) => call.cut(),
      )
      await fixture.passing(fixture.start())
      assert.deepEqual(fixture.lists, ['10.0.0.1'])
      assert.equal(fixture.errors.length, 5)
    },
  },
  {
    behaviour: 'start() rejects after 30 seconds, with the error that lasted',
    async run(fixture) {
      fixture.api.rule = (call) => call.refuse(503, { message: 'etcd is down' })
      const startedAt = fixture.clock.now()
      assert.match(await refusal(fixture), /^No list of peers within 30 s. Kubernetes: .*503: etcd is down/)
      assert.ok(fixture.clock.now() - startedAt < 31_000)
    },
  },
  {
    behaviour: 'start() rejects after 30 seconds of silence',
    async run(fixture) {
      fixture.api.rule = () => {}
      const started = refusal(fixture)
      await fixture.call(1)
      for (let n = 1; n < 4; n += 1) {
        await fixture.clock.advance(10_000)
        await fixture.until(
          'the next request, or the end',
          () => fixture.api.calls.length > n || fixture.clock.timers === 0,
        )
      }
      await fixture.clock.advance(10_000)
      assert.match(await started, /No answer within 10 s/)
    },
  },
  {
    behaviour: 'start() reports the missing Role after 403 at once, with the Pod’s own names',
    async run(fixture) {
      fixture.api.rule = (call) => call.refuse(403, { message: FORBIDDEN })
      const message = await refusal(fixture)
      assert.match(message, /may not list and watch pods in namespace "shop" \(403: pods is forbidden/)
      assert.match(message, /kind: Role\nmetadata: { name: sser, namespace: shop }\n/)
      assert.match(message, /- { apiGroups: \[""\], resources: \[pods\], verbs: \[list, watch\] }/)
      assert.match(message, /- { kind: ServiceAccount, name: cashier, namespace: shop }/)
      assert.equal(fixture.api.calls.length, 1)
    },
  },
  {
    behaviour: 'start() names endpoint slices in the Role if it needs those',
    options: { service: 'web', namespace: 'depot' },
    async run(fixture) {
      fixture.api.rule = (call) => call.refuse(403, { message: FORBIDDEN })
      const message = await refusal(fixture)
      assert.match(message, /{ apiGroups: \["discovery.k8s.io"\], resources: \[endpointslices\]/)
      assert.match(message, /namespace: depot }\nrules/)
      assert.match(message, /name: cashier, namespace: shop }/)
    },
  },
  {
    behaviour: 'start() reads the token again before it rejects after 401',
    async run(fixture) {
      fixture.api.rule = (call) => call.refuse(401, { message: 'Unauthorized' })
      assert.match(await refusal(fixture), /does not accept the credentials of .*\(401: Unauthorized\)/)
      assert.equal(fixture.api.calls.length, 2)
    },
  },
  ...[400, 404].map(
    (code): FaultRow => ({
      behaviour: `start() rejects at once after ${code}`,
      async run(fixture) {
        fixture.api.rule = (call) => call.refuse(code, { message: 'never heard of it' })
        assert.match(await refusal(fixture), new RegExp(`${code}: never heard of it`))
        assert.equal(fixture.api.calls.length, 1)
      },
    }),
  ),
  {
    behaviour: 'start() reports that it runs outside of a cluster, and names other finders',
    async run(fixture) {
      delete process.env.KUBERNETES_SERVICE_HOST
      process.env.HOME = '/nonexistent'
      assert.match(await refusal(fixture), /Not in a cluster.*leave out peerFinder/)
    },
  },
  {
    behaviour: 'start() waits for a missing token, and names the file',
    async run(fixture) {
      fixture.account.remove('token')
      assert.match(await refusal(fixture), /ENOENT.*token.*automountServiceAccountToken/)
    },
  },
  {
    behaviour: 'start() names the host that it cannot connect to',
    async run(fixture) {
      process.env.KUBERNETES_SERVICE_PORT = '1'
      assert.match(await refusal(fixture), /127.0.0.1:1 cannot be reached \(ECONNREFUSED\).*NetworkPolicy/)
    },
  },
  {
    behaviour: 'start() names the host that it cannot resolve',
    async run(fixture) {
      process.env.KUBERNETES_SERVICE_HOST = 'api.invalid'
      assert.match(await refusal(fixture), /the name of the API server, api.invalid:\d+, cannot be resolved/)
    },
  },
  {
    behaviour: 'start() rejects with the reason of its signal while it waits',
    async run(fixture) {
      fixture.api.rule = (call) => call.refuse(500)
      const started = assert.rejects(fixture.start(), /never mind/)
      await fixture.call(1)
      fixture.stop.abort(new Error('never mind'))
      await within('the refusal', started)
      await isOver(fixture)
    },
  },
  {
    behaviour: 'takes the namespace from the option, then POD_NAMESPACE, then the ServiceAccount',
    async run(fixture) {
      await fixture.start()
      assert.match(fixture.api.calls[0]?.url.pathname ?? '', /namespaces\/shop\/pods$/)
      process.env.POD_NAMESPACE = 'depot'
      await fixture.start()
      await until('the second start', () =>
        fixture.api.calls.some(({ url }) => /namespaces\/depot\//.test(url.pathname)),
      )
    },
  },
  ...(
    [
      ['POD_UID', 'told-by-the-downward-api'],
      ['POD_NAME', 'uid-b'],
      ['POD_IP', 'uid-c'],
    ] as const
  ).flatMap(([name, uid]): FaultRow[] => {
    const env = { POD_UID: 'told-by-the-downward-api', POD_NAME: 'b', POD_IP: '10.0.0.3' }
    const run = async (fixture: ClusterFixture) => {
      process.env[name] = env[name]
      assert.equal((await fixture.start()).uid, uid)
    }
    return [
      {
        behaviour: `finds this Pod’s own UID by ${name}`,
        async run(fixture) {
          for (const [i, each] of ['a', 'b', 'c'].entries()) fixture.api.put(pod(each, `10.0.0.${i + 1}`))
          await run(fixture)
        },
      },
      {
        behaviour: `finds this Pod’s own UID by ${name} among the endpoints of a Service`,
        options: { service: 'web' },
        async run(fixture) {
          const all = ['a', 'b', 'c'].map((each, i) => endpoint(each, `10.0.0.${i + 1}`))
          fixture.api.put(slice('web', all))
          await run(fixture)
        },
      },
    ]
  }),
  ...(
    [
      [
        'is terminating',
        [pod('b', '10.0.0.2', { uid: 'old', metadata: { deletionTimestamp: '2026-11-24T12:10:00Z' } })],
        undefined,
      ],
      [
        'is the older',
        [
          pod('b', '10.0.0.2', { uid: 'old' }),
          pod('b', '10.0.0.2', { uid: 'new', metadata: { creationTimestamp: '2026-11-24T11:30:00Z' } }),
        ],
        'new',
      ],
      ['has only the address', [pod('c', '10.0.0.2')], undefined],
    ] as const
  ).map(
    ([fault, all, uid]): FaultRow => ({
      behaviour: `does not take a Pod that ${fault} for this Pod`,
      async run(fixture) {
        Object.assign(process.env, { POD_NAME: 'b', POD_IP: '10.0.0.2' })
        for (const each of all) fixture.api.put(each)
        assert.equal((await fixture.start()).uid, uid)
      },
    }),
  ),
  ...(
    [
      ['is terminating', [endpoint('b', '10.0.0.2', { terminating: true })], undefined],
      [
        'may be the older',
        [endpoint('b', '10.0.0.2'), { addresses: ['10.0.0.3'], targetRef: { name: 'b', uid: 'other' } }],
        undefined,
      ],
      ['has only the address', [endpoint('c', '10.0.0.2')], undefined],
    ] as const
  ).map(
    ([fault, all, uid]): FaultRow => ({
      behaviour: `does not take an endpoint that ${fault} for this Pod`,
      options: { service: 'web' },
      async run(fixture) {
        Object.assign(process.env, { POD_NAME: 'b', POD_IP: '10.0.0.2' })
        fixture.api.put(slice('web', all))
        assert.equal((await fixture.start()).uid, uid)
      },
    }),
  ),
  {
    behaviour: 'reports each fault that does not stop it to the caller of start() as well',
    async run(fixture) {
      const heard: string[] = []
      const start = () =>
        fixture.finder.start({ signal: fixture.stop.signal, onError: (error) => heard.push(describe(error)) })
      fixture.api.script((call) => call.refuse(500))
      await fixture.passing(start())
      await fixture.accepted()
      fixture.api.rule = (call) => call.refuse(403)
      fixture.api.endWatches('cut')
      await fixture.until('the watch is refused', () => /may not list/.test(heard.at(-1) ?? ''))
      assert.match(heard[0] ?? '', /a scripted 500/)
      assert.deepEqual(heard, fixture.errors)
    },
  },
  {
    behaviour: 'reports the fault that start() rejects with by the rejection alone',
    async run(fixture) {
      const heard: unknown[] = []
      fixture.api.script((call) => call.refuse(500))
      fixture.api.rule = (call) => call.refuse(403)
      const onError = (error: unknown) => {
        heard.push(error)
        throw new Error('a listener that fails')
      }
      await assert.rejects(
        fixture.passing(fixture.finder.start({ signal: fixture.stop.signal, onError })),
        /403/,
      )
      assert.equal(heard.length, 1)
      assert.equal(fixture.errors.length, 2)
    },
  },
]
