import assert from 'node:assert/strict'
import { SserError } from '../../../../src/index.ts'
import { until } from '../../../support/until.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { endpoint, pod, slice } from '../objects.ts'
import type { FaultRow } from './row.ts'

const FIX = /valueFrom: { fieldRef: { fieldPath: metadata\.uid } }/

/** Message of the rejection of `start()`, after the list has contradicted `POD_UID` for ten seconds. */
async function refusal(fixture: ClusterFixture): Promise<string> {
  let error: unknown
  const started = fixture.start().catch((reason: unknown) => {
    error = reason
  })
  const startedAt = fixture.clock.now()
  await fixture.until('start rejects', () => error !== undefined)
  await started
  assert.ok(fixture.clock.now() - startedAt <= 11_000)
  assert.ok(error instanceof SserError, String(error))
  assert.equal(error.code, 'peer-finder-failed')
  assert.match(error.message, FIX)
  await until('the finder is stopped', () => fixture.finder.status().state === 'stopped')
  assert.equal(fixture.clock.timers, 0)
  return error.message
}

const missing = (fixture: ClusterFixture) =>
  fixture.errors.filter((fault) => fault.includes('among its own peers'))

/** Adds these Pods to the list, or to the endpoints of the Service. */
function put(
  fixture: ClusterFixture,
  service: string | undefined,
  ...pods: [name: string, ip: string][]
): void {
  if (service === undefined) for (const [name, ip] of pods) fixture.api.put(pod(name, ip))
  else
    fixture.api.put(
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
      behaviour: `rejects a POD_UID that the Pod of this name does not have, among ${where}`,
      options,
      async run(fixture) {
        put(fixture, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        Object.assign(process.env, { POD_UID: 'made-up', POD_NAME: 'b' })
        const message = await refusal(fixture)
        assert.match(message, /POD_UID is "made-up".* name, POD_NAME "b", has the UID "uid-b"/)
      },
    },
    {
      behaviour: `rejects a POD_UID that the Pod of this address does not have, among ${where}`,
      options,
      async run(fixture) {
        put(fixture, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        Object.assign(process.env, { POD_UID: 'uid-a', POD_IP: '10.0.0.2' })
        assert.match(await refusal(fixture), /address, POD_IP "10\.0\.0\.2", has the UID "uid-b"/)
      },
    },
    {
      behaviour: `rejects a POD_UID of another Pod if this Pod is missing from the ${where}`,
      options,
      async run(fixture) {
        put(fixture, service, ['a', '10.0.0.1'])
        Object.assign(process.env, { POD_UID: 'uid-a', POD_NAME: 'b', POD_IP: '10.0.0.2' })
        assert.match(await refusal(fixture), /it is the UID of the Pod "a", and POD_NAME is "b"/)
      },
    },
    {
      behaviour: `accepts a POD_UID that the ${where} do not contradict`,
      options,
      async run(fixture) {
        put(fixture, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b', POD_IP: '10.0.0.2' })
        assert.equal((await fixture.start()).uid, 'uid-b')
        assert.equal(fixture.finder.status().listsSelf, true)
      },
    },
    {
      behaviour: `reports once that this Pod is missing from its ${where} for 30 seconds`,
      options,
      async run(fixture) {
        Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b', POD_IP: '10.0.0.2' })
        put(fixture, service, ['a', '10.0.0.1'])
        await fixture.watching()
        assert.equal(fixture.finder.status().listsSelf, false)
        await fixture.clock.advance(29_000)
        assert.deepEqual(missing(fixture), [])
        await fixture.clock.advance(61_000)
        assert.equal(missing(fixture).length, 1)
        assert.match(fixture.finder.status().lastError?.message ?? '', /among its own peers/)
        put(fixture, service, ['a', '10.0.0.1'], ['b', '10.0.0.2'])
        await fixture.until('it finds itself', () => fixture.finder.status().listsSelf === true)
        if (service === undefined) fixture.api.remove('uid-b')
        else put(fixture, service, ['a', '10.0.0.1'])
        await fixture.until('it does not', () => fixture.finder.status().listsSelf === false)
        await fixture.clock.advance(30_000)
        assert.equal(missing(fixture).length, 2)
        assert.equal(fixture.clock.timers > 0, true)
      },
    },
  ]
})

export const selectorRows: readonly FaultRow[] = [
  {
    behaviour: 'names a labelSelector that matches nothing, and the command that shows the labels',
    async run(fixture) {
      Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b' })
      await fixture.watching()
      await fixture.clock.advance(30_000)
      const [fault = ''] = missing(fixture)
      assert.match(fault, /labelSelector "app=web" selects 0 running Pods, and not this one/)
      assert.match(fault, /kubectl get pods -n shop --show-labels/)
    },
  },
  {
    behaviour: 'names a Service that does not select this Pod, and the command that shows its endpoints',
    options: { service: 'web' },
    async run(fixture) {
      Object.assign(process.env, { POD_NAME: 'b' })
      await fixture.watching()
      await fixture.clock.advance(30_000)
      assert.match(
        missing(fixture)[0] ?? '',
        /kubectl get endpointslices -n shop -l kubernetes\.io\/service-name=web/,
      )
    },
  },
  {
    behaviour: 'reports nothing if this Pod appears in its list within 30 seconds',
    async run(fixture) {
      Object.assign(process.env, { POD_UID: 'uid-b', POD_NAME: 'b' })
      await fixture.watching()
      await fixture.clock.advance(20_000)
      fixture.api.put(pod('b', '10.0.0.2'))
      await fixture.until('it finds itself', () => fixture.finder.status().listsSelf === true)
      await fixture.clock.advance(60_000)
      assert.deepEqual(fixture.errors, [])
    },
  },
  {
    behaviour: 'accepts the POD_UID if an old list has a former Pod of this name',
    async run(fixture) {
      Object.assign(process.env, { POD_UID: 'new', POD_NAME: 'web-0', POD_IP: '10.0.0.2' })
      fixture.api.put(pod('web-0', '10.0.0.1', { uid: 'old' }))
      const started = fixture.start()
      await fixture.call(2)
      await fixture.clock.advance(2_000)
      fixture.api.remove('old')
      fixture.api.put(pod('web-0', '10.0.0.2', { uid: 'new' }))
      assert.equal((await fixture.passing(started)).uid, 'new')
    },
  },
  {
    behaviour: 'tells two Pods with one address apart, as with hostNetwork',
    async run(fixture) {
      Object.assign(process.env, { POD_UID: 'uid-a', POD_NAME: 'a', POD_IP: '10.0.0.1' })
      fixture.api.put(pod('a', '10.0.0.1'))
      fixture.api.put(pod('b', '10.0.0.1', { metadata: { creationTimestamp: '2026-11-24T11:30:00Z' } }))
      assert.equal((await fixture.start()).uid, 'uid-a')
    },
  },
  {
    behaviour: 'does not look for itself outside of a Pod',
    async run(fixture) {
      await fixture.watching()
      assert.equal(fixture.finder.status().listsSelf, undefined)
      await fixture.clock.advance(60_000)
      assert.deepEqual(fixture.errors, [])
    },
  },
]
