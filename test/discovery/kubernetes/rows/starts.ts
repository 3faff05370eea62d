import assert from 'node:assert/strict'
import { describe } from '../../../../src/errors.ts'
import { SserError } from '../../../../src/index.ts'
import { until, within } from '../../../support/until.ts'
import { endpoint, pod, slice } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')

/** Nothing of a start that failed goes on. */
async function isOver(world: World): Promise<void> {
  await until('the finder is stopped', () => world.finder.status().state === 'stopped')
  assert.equal(world.clock.timers, 0)
}

/** What `start()` rejects with; time passes until it does. */
async function refusal(world: World): Promise<string> {
  const error: unknown = await world.passing(
    world.start().then(
      () => 'it started',
      (reason: unknown) => reason,
    ),
  )
  assert.ok(error instanceof SserError, String(error))
  assert.equal(error.code, 'peer-finder-failed')
  await isOver(world)
  return error.message
}

const FORBIDDEN =
  'pods is forbidden: User "system:serviceaccount:shop:cashier" cannot list resource "pods" in API group ""'

export const startRows: readonly FaultRow[] = [
  {
    behaviour: 'start waits through errors that pass',
    async run(world) {
      world.api.put(A)
      world.api.script(
        (call) => call.reset(),
        (call) => call.refuse(500),
        (call) => call.refuse(429, { headers: { 'retry-after': '2' } }),
        (call) => call.reply(200, 'oops'),
        (call) => call.cut(),
      )
      await world.passing(world.start())
      assert.deepEqual(world.lists, ['10.0.0.1'])
      assert.equal(world.errors.length, 5)
    },
  },
  {
    behaviour: 'start gives up after 30 seconds, and says what stood in its way',
    async run(world) {
      world.api.rule = (call) => call.refuse(503, { message: 'etcd is down' })
      const startedAt = world.clock.now()
      assert.match(await refusal(world), /^No list of peers within 30 s. Kubernetes: .*503: etcd is down/)
      assert.ok(world.clock.now() - startedAt < 31_000)
    },
  },
  {
    behaviour: 'start gives up after 30 seconds of silence, too',
    async run(world) {
      world.api.rule = () => {}
      const started = refusal(world)
      await world.call(1)
      for (let n = 1; n < 4; n += 1) {
        await world.clock.advance(10_000)
        await world.until(
          'it asks again, or gives up',
          () => world.api.calls.length > n || world.clock.timers === 0,
        )
      }
      await world.clock.advance(10_000)
      assert.match(await started, /No answer within 10 s/)
    },
  },
  {
    behaviour: 'start says at once what a Pod lacks that may not list (403), with its own names',
    async run(world) {
      world.api.rule = (call) => call.refuse(403, { message: FORBIDDEN })
      const message = await refusal(world)
      assert.match(message, /may not list and watch pods in namespace "shop" \(403: pods is forbidden/)
      assert.match(message, /kind: Role\nmetadata: { name: sser, namespace: shop }\n/)
      assert.match(message, /- { apiGroups: \[""\], resources: \[pods\], verbs: \[list, watch\] }/)
      assert.match(message, /- { kind: ServiceAccount, name: cashier, namespace: shop }/)
      assert.equal(world.api.calls.length, 1)
    },
  },
  {
    behaviour: 'start names the endpoint slices in the Role where it needs those',
    options: { service: 'web', namespace: 'depot' },
    async run(world) {
      world.api.rule = (call) => call.refuse(403, { message: FORBIDDEN })
      const message = await refusal(world)
      assert.match(message, /{ apiGroups: \["discovery.k8s.io"\], resources: \[endpointslices\]/)
      assert.match(message, /namespace: depot }\nrules/)
      assert.match(message, /name: cashier, namespace: shop }/)
    },
  },
  {
    behaviour: 'start reads the token again before it believes that it is not accepted (401)',
    async run(world) {
      world.api.rule = (call) => call.refuse(401, { message: 'Unauthorized' })
      assert.match(await refusal(world), /does not accept the credentials of .*\(401: Unauthorized\)/)
      assert.equal(world.api.calls.length, 2)
    },
  },
  ...[400, 404].map(
    (code): FaultRow => ({
      behaviour: `start says at once that it is in vain (${code})`,
      async run(world) {
        world.api.rule = (call) => call.refuse(code, { message: 'never heard of it' })
        assert.match(await refusal(world), new RegExp(`${code}: never heard of it`))
        assert.equal(world.api.calls.length, 1)
      },
    }),
  ),
  {
    behaviour: 'start says that it is not in a cluster, and what to use instead',
    async run(world) {
      delete process.env.KUBERNETES_SERVICE_HOST
      process.env.HOME = '/nonexistent'
      assert.match(await refusal(world), /Not in a cluster.*LocalhostPeerFinder/)
    },
  },
  {
    behaviour: 'start waits for a token that is not there yet, and says which',
    async run(world) {
      world.account.remove('token')
      assert.match(await refusal(world), /ENOENT.*token.*automountServiceAccountToken/)
    },
  },
  {
    behaviour: 'start says where it could not connect to',
    async run(world) {
      process.env.KUBERNETES_SERVICE_PORT = '1'
      assert.match(await refusal(world), /127.0.0.1:1 cannot be reached \(ECONNREFUSED\).*NetworkPolicy/)
    },
  },
  {
    behaviour: 'start says whose name it could not resolve',
    async run(world) {
      process.env.KUBERNETES_SERVICE_HOST = 'api.invalid'
      assert.match(await refusal(world), /the name of the API server, api.invalid:\d+, cannot be resolved/)
    },
  },
  {
    behaviour: 'start rejects with the reason of its signal, whatever it waits for',
    async run(world) {
      world.api.rule = (call) => call.refuse(500)
      const started = assert.rejects(world.start(), /never mind/)
      await world.call(1)
      world.stop.abort(new Error('never mind'))
      await within('the refusal', started)
      await isOver(world)
    },
  },
  {
    behaviour: 'the namespace is the option’s, then POD_NAMESPACE, then the ServiceAccount’s',
    async run(world) {
      await world.start()
      assert.match(world.api.calls[0]?.url.pathname ?? '', /namespaces\/shop\/pods$/)
      process.env.POD_NAMESPACE = 'depot'
      await world.start()
      await until('the second start', () =>
        world.api.calls.some(({ url }) => /namespaces\/depot\//.test(url.pathname)),
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
    const run = async (world: World) => {
      process.env[name] = env[name]
      assert.equal((await world.start()).uid, uid)
    }
    return [
      {
        behaviour: `this Pod’s own UID is known by ${name}`,
        async run(world) {
          for (const [i, each] of ['a', 'b', 'c'].entries()) world.api.put(pod(each, `10.0.0.${i + 1}`))
          await run(world)
        },
      },
      {
        behaviour: `this Pod’s own UID is known by ${name} among the endpoints of a Service`,
        options: { service: 'web' },
        async run(world) {
          const all = ['a', 'b', 'c'].map((each, i) => endpoint(each, `10.0.0.${i + 1}`))
          world.api.put(slice('web', all))
          await run(world)
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
    ([what, all, uid]): FaultRow => ({
      behaviour: `a Pod that ${what} is not taken for this one`,
      async run(world) {
        Object.assign(process.env, { POD_NAME: 'b', POD_IP: '10.0.0.2' })
        for (const each of all) world.api.put(each)
        assert.equal((await world.start()).uid, uid)
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
    ([what, all, uid]): FaultRow => ({
      behaviour: `an endpoint that ${what} is not taken for this Pod`,
      options: { service: 'web' },
      async run(world) {
        Object.assign(process.env, { POD_NAME: 'b', POD_IP: '10.0.0.2' })
        world.api.put(slice('web', all))
        assert.equal((await world.start()).uid, uid)
      },
    }),
  ),
  {
    behaviour: 'whoever starts it hears of each fault that does not end the search, as its own onError does',
    async run(world) {
      const heard: string[] = []
      const start = () =>
        world.finder.start({ signal: world.stop.signal, onError: (error) => heard.push(describe(error)) })
      world.api.script((call) => call.refuse(500))
      await world.passing(start())
      await world.accepted()
      world.api.rule = (call) => call.refuse(403)
      world.api.endWatches('cut')
      await world.until('the watch is refused', () => /may not list/.test(heard.at(-1) ?? ''))
      assert.match(heard[0] ?? '', /a scripted 500/)
      assert.deepEqual(heard, world.errors)
    },
  },
  {
    behaviour: 'whoever starts it hears what ends the search by the rejection alone, and may throw',
    async run(world) {
      const heard: unknown[] = []
      world.api.script((call) => call.refuse(500))
      world.api.rule = (call) => call.refuse(403)
      const onError = (error: unknown) => {
        heard.push(error)
        throw new Error('a listener that fails')
      }
      await assert.rejects(world.passing(world.finder.start({ signal: world.stop.signal, onError })), /403/)
      assert.equal(heard.length, 1)
      assert.equal(world.errors.length, 2)
    },
  },
]
