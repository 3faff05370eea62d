import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { linkedExample, removeExamples } from '../support/linked-example.ts'
import { type Deployment, find, manifestsIn } from '../support/manifests.ts'
import { until } from '../support/until.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'
import { remains } from './rig/network.ts'
import { Rig } from './rig/rig.ts'

const folder = fileURLToPath(new URL('../../examples/kubernetes/', import.meta.url))
const bun = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url))
const dryRun = ['--dry-run=server', '--warnings-as-errors']
/** Limit of a rollout: one Pod after another, each for minReadySeconds, and the stop of the last one. */
const ROLLOUT_MS = 150_000

let rig: Rig

beforeAll(async () => {
  const server = await linkedExample('kubernetes/server.ts')
  const images = {
    'example/sser:1': { entrypoint: [process.execPath, server] },
    'example/sser:1-bun': { entrypoint: [bun, server] },
  }
  rig = await Rig.start({ images })
  // A dry run creates no namespace, and the other objects need it.
  await rig.kubectl(['apply', '-f', `${folder}base/namespace.yaml`])
})

afterAll(async () => {
  await rig?.stop()
  removeExamples()
  expect(await remains()).toEqual([])
})

// The other edges need kinds that this API server does not have.
test.each(['', 'edge/ingress-nginx', 'edge/aws-alb'])(
  'the API server accepts examples/kubernetes/%s without a warning',
  async (path) => {
    const output = await rig.kubectl(['apply', '-k', folder + path, ...dryRun])
    expect(output).toContain('deployment.apps/web created (server dry run)')
  },
)

test('the API server accepts the Ingress for Traefik without a warning', async () => {
  const ingress = await rig.kubectl(['apply', '-f', `${folder}edge/traefik/ingress.yaml`, ...dryRun])
  expect(ingress).toContain('ingress.networking.k8s.io/web created (server dry run)')
})

test('the API server enforces the restricted standard', async () => {
  const deployment = find<Deployment>(manifestsIn('base/'), 'Deployment')
  delete deployment.spec.template.spec.securityContext.seccompProfile
  const applied = rig.kubectl(['apply', '-f', '-', ...dryRun], JSON.stringify(deployment))
  await expect(applied).rejects.toThrow('would violate PodSecurity "restricted:latest": seccompProfile')
})

test("Pods of the manifests become ready and reach each other's clients", {
  timeout: ROLLOUT_MS,
}, async () => {
  await rig.kubectl(['apply', '-k', folder])
  await rig.settled('web', 'web', ROLLOUT_MS)
  await expectDelivery()
})

test('the Role permits listing and watching Pods, and nothing else', async () => {
  const may = (...what: string[]) =>
    rig.kubectl(['auth', 'can-i', ...what, '--as=system:serviceaccount:web:web']).then(
      () => true,
      () => false,
    )
  for (const verb of ['list', 'watch']) {
    expect(await may(verb, 'pods', '--namespace=web')).toBe(true)
    expect(await may(verb, 'pods', '--namespace=default')).toBe(false)
    expect(await may(verb, 'secrets', '--namespace=web')).toBe(false)
  }
  for (const verb of ['get', 'create', 'patch', 'delete']) {
    expect(await may(verb, 'pods', '--namespace=web')).toBe(false)
  }
})

test('a rollout replaces the Pods with Pods on Bun', { timeout: ROLLOUT_MS }, async () => {
  await rig.kubectl(['-n', 'web', 'set', 'image', 'deployment/web', 'web=example/sser:1-bun'])
  await rig.settled('web', 'web', ROLLOUT_MS)
  await expectDelivery()
})

/** Sends an event to one Pod, and expects it at a client of every Pod. */
async function expectDelivery(): Promise<void> {
  const listeners = await Promise.all(rig.pods.map(listen))
  const [one] = rig.pods as [RunningPod]
  // The newest Pod may not be a peer of every Pod yet; it receives the event once it is.
  const response = await fetch(`${urlOf(one)}/send?stream=orders`, { method: 'POST', body: 'two coffees' })
  expect(response.status).toBe(202)
  await Promise.all(
    listeners.map(({ text, name }) => until(name, () => text().includes('data: two coffees'))),
  )
  await Promise.all(listeners.map(({ end }) => end()))
}

async function listen(pod: RunningPod): Promise<{ name: string; text(): string; end(): Promise<void> }> {
  const ending = new AbortController()
  const response = await fetch(`${urlOf(pod)}/events?stream=orders`, { signal: ending.signal })
  let text = ''
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
  })().catch(() => {})
  const end = () => {
    ending.abort()
    return reading
  }
  await until('the first block', () => text !== '')
  return { name: `a client of ${pod.name} gets the event`, text: () => text, end }
}

function urlOf(pod: RunningPod): string {
  return `http://${pod.namespace.ipv4}:8000`
}
