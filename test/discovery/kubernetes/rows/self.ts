import assert from 'node:assert/strict'
import { SserError } from '../../../../src/index.ts'
import { until } from '../../../support/until.ts'
import { endpoint, pod, slice } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const FIX = /valueFrom: { fieldRef: { fieldPath: metadata\.uid } }/

/** What `start()` rejects with, once the list has contradicted `POD_UID` for ten seconds. */
async function refusal(world: World): Promise<string> {
  let error: unknown
  const started = world.start().catch((reason: unknown) => {
    error = reason
  })
  const startedAt = world.clock.now()
  await world.until('start rejects', () => error !== undefined)
  await started
  assert.ok(world.clock.now() - startedAt <= 11_000)
  assert.ok(error instanceof SserError, String(error))
  assert.equal(error.code, 'peer-finder-failed')
  assert.match(error.message, FIX)
  await until('the finder is stopped', () => world.finder.status().state === 'stopped')
  assert.equal(world.clock.timers, 0)
  return error.message
}

const missing = (world: World) => world.errors.filter((fault) => fault.includes('among its own peers'))

/** Puts these Pods into the list, or into the endpoints of the Service. */
function put(world: World, service: string | undefined, ...pods: [name: string, ip: string][]): void {
  if (service === undefined) for (const [name, ip] of pods) world.api.put(pod(name, ip))
  else
    world.api.put(
      slice(
        service,
        pods.map(([name, ip]) => endpoint(name, ip)),
      ),
    )
}

export const selfRows: readonly FaultRow[] = [undefined, 'web'].flatMap((service): FaultRow[] => {
  const where = service === undefined ? 'Pods' : 'endpoints'
  const options = service === undefined ? {} : { service }
  return [
    {
      behaviour: `start refuses a POD_UID that is not the one of the Pod of its name, among ${where}`,
      options,
      async run(world) {
        put(world, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        Object.assign(process.env, { POD_UID: 'made-up', POD_NAME: 'b' })
        const message = await refusal(world)
        assert.match(message, /POD_UID is "made-up".* name, POD_NAME "b", has the UID "uid-b"/)
      },
    },
    {
      behaviour: `start refuses a POD_UID that is not the one of the Pod of its address, among ${where}`,
      options,
      async run(world) {
        put(world, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        Object.assign(process.env, { POD_UID: 'uid-a', POD_IP: '10.0.0.2' })
        assert.match(await refusal(world), /address, POD_IP "10\.0\.0\.2", has the UID "uid-b"/)
      },
    },
    {
      behaviour: `start refuses a POD_UID that is another Pod’s, where this one is not among ${where}`,
      options,
      async run(world) {
        put(world, service, ['a', '10.0.0.1'])
        Object.assign(process.env, { POD_UID: 'uid-a', POD_NAME: 'b', POD_IP: '10.0.0.2' })
        assert.match(await refusal(world), /it is the UID of the Pod "a", and POD_NAME is "b"/)
      },
    },
    {
      behaviour: `start takes a POD_UID that nothing among ${where} contradicts`,
      options,
      async run(world) {
        put(world, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b', POD_IP: '10.0.0.2' })
        assert.equal((await world.start()).uid, 'uid-b')
        assert.equal(world.finder.status().listsSelf, true)
      },
    },
    {
      behaviour: `a Pod that is not among its own ${where} for 30 seconds says so once, and again after it was`,
      options,
      async run(world) {
        Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b', POD_IP: '10.0.0.2' })
        put(world, service, ['a', '10.0.0.1'])
        await world.watching()
        assert.equal(world.finder.status().listsSelf, false)
        await world.clock.advance(29_000)
        assert.deepEqual(missing(world), [])
        await world.clock.advance(61_000)
        assert.equal(missing(world).length, 1)
        assert.match(world.finder.status().lastError?.message ?? '', /among its own peers/)
        put(world, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        await world.until('it finds itself', () => world.finder.status().listsSelf === true)
        if (service === undefined) world.api.remove('uid-b')
        else put(world, service, ['a', '10.0.0.1'])
        await world.until('it does not', () => world.finder.status().listsSelf === false)
        await world.clock.advance(30_000)
        assert.equal(missing(world).length, 2)
        assert.equal(world.clock.timers > 0, true)
      },
    },
  ]
})

export const selectorRows: readonly FaultRow[] = [
  {
    behaviour: 'a labelSelector that selects nothing is named, with the command that shows the labels',
    async run(world) {
      Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b' })
      await world.watching()
      await world.clock.advance(30_000)
      const [fault = ''] = missing(world)
      assert.match(fault, /labelSelector "app=web" selects 0 running Pods, and not this one/)
      assert.match(fault, /kubectl get pods -n shop --show-labels/)
    },
  },
  {
    behaviour: 'a Service whose selector misses this Pod is named, with the command that shows its endpoints',
    options: { service: 'web' },
    async run(world) {
      Object.assign(process.env, { POD_NAME: 'b' })
      await world.watching()
      await world.clock.advance(30_000)
      assert.match(
        missing(world)[0] ?? '',
        /kubectl get endpointslices -n shop -l kubernetes\.io\/service-name=web/,
      )
    },
  },
  {
    behaviour: 'a Pod that appears in its list within 30 seconds of its start says nothing',
    async run(world) {
      Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b' })
      await world.watching()
      await world.clock.advance(20_000)
      world.api.put(pod('b', '10.0.0.2'))
      await world.until('it finds itself', () => world.finder.status().listsSelf === true)
      await world.clock.advance(60_000)
      assert.deepEqual(world.errors, [])
    },
  },
  {
    behaviour: 'a list that still names the Pod that had this name before does not refuse the POD_UID',
    async run(world) {
      Object.assign(process.env, { POD_UID: 'new', POD_NAME: 'web-0', POD_IP: '10.0.0.2' })
      world.api.put(pod('web-0', '10.0.0.1', { uid: 'old' }))
      const started = world.start()
      await world.call(2)
      await world.clock.advance(2_000)
      world.api.remove('old')
      world.api.put(pod('web-0', '10.0.0.2', { uid: 'new' }))
      assert.equal((await world.passing(started)).uid, 'new')
    },
  },
  {
    behaviour: 'two Pods of one node with its address, as with hostNetwork, are not mistaken for one another',
    async run(world) {
      Object.assign(process.env, { POD_UID: 'uid-a', POD_NAME: 'a', POD_IP: '10.0.0.1' })
      world.api.put(pod('a', '10.0.0.1'))
      world.api.put(pod('b', '10.0.0.1', { metadata: { creationTimestamp: '2026-11-24T11:30:00Z' } }))
      assert.equal((await world.start()).uid, 'uid-a')
    },
  },
  {
    behaviour: 'a finder outside of a Pod, which does not know who it is, does not miss itself',
    async run(world) {
      await world.watching()
      assert.equal(world.finder.status().listsSelf, undefined)
      await world.clock.advance(60_000)
      assert.deepEqual(world.errors, [])
    },
  },
]
