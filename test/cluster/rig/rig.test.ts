import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { timed } from '../timed.ts'
import type { Balancer } from './balancer.ts'
import type { RunningPod } from './kubelet/running-pod.ts'
import { remains } from './network.ts'
import { Rig } from './rig.ts'

const namespace = 'web'
const labels = { app: 'web' }
const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })

const container = {
  name: 'web',
  image: 'sample',
  args: ['--of', '$(POD_NAME)'],
  env: [
    field('POD_NAME', 'metadata.name'),
    field('POD_UID', 'metadata.uid'),
    field('HOST', 'status.podIP'),
    field('POD_IPS', 'status.podIPs'),
    { name: 'WHOLE', value: '$(POD_NAME) at $(HOST), not $$(HOST)' },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
    { name: 'NONE', valueFrom: { secretKeyRef: { name: 'none', key: 'password', optional: true } } },
  ],
  ports: [{ name: 'http', containerPort: 8000 }],
  startupProbe: { httpGet: { path: '/startz', port: 'http' }, periodSeconds: 1, failureThreshold: 30 },
  readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
  livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
  lifecycle: { preStop: { sleep: { seconds: 1 } } },
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  },
}

const objects = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace },
    stringData: { password: 'open sesame' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 20, containers: [container] },
      },
    },
  },
]

let rig: Rig
let balancer: Balancer

beforeAll(async () => {
  const sample = fileURLToPath(new URL('./sample-pod.ts', import.meta.url))
  await timed('the control plane starts', async () => {
    rig = await Rig.start({ images: { sample: { entrypoint: [process.execPath, sample] } } })
  })
  await timed('three Pods are ready', async () => {
    await rig.apply(...objects)
    await rig.settled(namespace, 'web')
  })
  balancer = await rig.balance(namespace, 'web', 'http')
})

afterAll(async () => {
  await timed('the rig stops', () => rig.stop())
  expect(await remains()).toEqual([])
})

test('a Pod has its name, UID, addresses and a valid API token', async () => {
  const [pod] = rig.pods as [RunningPod]
  const { env, token, ca, namespace: own } = await inspect(pod)
  const { ipv4, ipv6 } = pod.namespace
  expect(env).toMatchObject({
    POD_NAME: pod.name,
    POD_UID: pod.object.metadata.uid,
    HOST: ipv4,
    POD_IPS: `${ipv4},${ipv6}`,
    WHOLE: `${pod.name} at ${ipv4}, not $(HOST)`,
    KUBERNETES_SERVICE_HOST: rig.controlPlane.namespace.ipv4,
  })
  expect(own).toBe(namespace)
  expect(ca).toBe(rig.controlPlane.ca)
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
  const answer = await rig.api.post('/apis/authentication.k8s.io/v1/tokenreviews', review)
  expect(answer).toMatchObject({
    status: {
      authenticated: true,
      user: { extra: { 'authentication.kubernetes.io/pod-uid': [pod.object.metadata.uid] } },
    },
  })
})

test('a Pod has the secrets its variables name, except missing optional ones', async () => {
  const [pod] = rig.pods as [RunningPod]
  const { env } = await inspect(pod)
  expect(env.PASSWORD).toBe('open sesame')
  expect(env).not.toHaveProperty('NONE')
})

test('the startup probe ends when it succeeds, and the others continue', async () => {
  const [pod] = rig.pods as [RunningPod]
  const before = (await inspect(pod)).probes
  let after = before
  const haveContinued = async () => {
    after = (await inspect(pod)).probes
    return after.health >= before.health + 4
  }
  await until('the other probes have sent two requests each', haveContinued)
  expect(after.startup).toBe(before.startup)
})

test('a force-deleted Pod leaves the API but keeps its grace period', async () => {
  const [pod] = rig.pods as [RunningPod]
  await rig.kubectl(['-n', namespace, 'delete', 'pod', pod.name, '--force', '--grace-period=0'])
  await expect(rig.api.get(`/api/v1/namespaces/${namespace}/pods/${pod.name}`)).rejects.toThrow('404')
  // Its preStop hook sleeps for a second.
  expect((await inspect(pod)).env.POD_NAME).toBe(pod.name)
  await until('the Pod has stopped', () => !rig.pods.includes(pod))
  expect(String(pod)).toContain('received SIGTERM')
  await rig.settled(namespace, 'web')
})

test('a Pod sees a new token and a new CA at once', async () => {
  const [pod] = rig.pods as [RunningPod]
  const { token } = await inspect(pod)
  await pod.volumes.replaceCa('another')
  const { token: next, ca } = await inspect(pod)
  expect(ca).toBe('another')
  expect(next).not.toBe(token)
})

test('Pods reach each other except while their network is cut', async () => {
  const [one, other] = rig.pods as [RunningPod, RunningPod]
  const { ipv4, ipv6 } = other.namespace
  const reaches = async (host: string) => (await fetch(`${urlOf(one)}/reach?host=${host}`)).text()
  expect(await reaches(ipv4)).toBe('yes')
  expect(await reaches(ipv6)).toBe('no')
  await one.namespace.cut(ipv4)
  expect(await reaches(ipv4)).toBe('no')
  await one.namespace.heal()
  expect(await reaches(ipv4)).toBe('yes')
})

test('the balancer takes turns among the ready Pods', async () => {
  expect(balancer.ready.toSorted()).toEqual(rig.pods.map(({ name }) => name).toSorted())
  const turns = Array.from({ length: 6 }, () => inspect({ url: balancer.url }))
  const names = (await Promise.all(turns)).map(({ env }) => env.POD_NAME)
  expect(new Set(names.slice(0, 3)).size).toBe(3)
  expect(names.slice(0, 3).toSorted()).toEqual(names.slice(3).toSorted())
})

test('the balancer forwards connections while the test thread is busy', () => {
  const ask = `fetch('${balancer.url}').then(({ status }) => process.exit(status === 200 ? 0 : 1))`
  // This thread is blocked until the other process has its response.
  execFileSync(process.execPath, ['-e', ask], { timeout: 20_000 })
})

test('a killed Pod restarts on its node and is not ready meanwhile', async () => {
  const [pod] = rig.pods as [RunningPod]
  const { pid } = await inspect(pod)
  pod.kill()
  await until('the killed Pod is not ready', () => !balancer.ready.includes(pod.name))
  await timed('a killed Pod is ready again', () =>
    until('the killed Pod is ready again', () => balancer.ready.includes(pod.name)),
  )
  const again = await inspect(pod)
  expect(again.pid).not.toBe(pid)
  expect(again.env.HOST).toBe(pod.namespace.ipv4)
})

test('the kubelet restarts a Pod with a failing liveness probe', async () => {
  const [pod] = rig.pods as [RunningPod]
  const { pid } = await inspect(pod)
  await fetch(`${urlOf(pod)}/sicken`)
  const isAnother = async () => (await inspect(pod).catch(() => ({ pid }))).pid !== pid
  await until('another process responds', isAnother)
  await rig.settled(namespace, 'web')
})

test('a Deployment scales and rolls, and Pods stop within their grace period', async () => {
  const scale = (replicas: number) =>
    rig.api.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/web`, { spec: { replicas } })
  await timed('3 become 6', async () => {
    await scale(6)
    await rig.settled(namespace, 'web')
  })
  await timed('6 become 2', async () => {
    await scale(2)
    await rig.settled(namespace, 'web')
  })
  const before = rig.pods.map(({ name }) => name)
  await timed('2 are replaced', async () => {
    await rig.kubectl(['-n', namespace, 'rollout', 'restart', 'deployment/web'])
    await rig.settled(namespace, 'web')
  })
  expect(rig.pods.map(({ name }) => name)).not.toEqual(expect.arrayContaining(before))
})

test('the control plane replaces the Pods of a lost node on another', async () => {
  const [lost, other] = rig.kubelets as [Rig['kubelets'][0], Rig['kubelets'][0]]
  await lost.die()
  await timed('a lost node is noticed and its Pods replaced', () =>
    until('two Pods are ready elsewhere', () => other.pods.size === 2 && balancer.ready.length === 2, 60_000),
  )
})

interface Inspection {
  pid: number
  env: Record<string, string>
  token: string
  ca: string
  namespace: string
  probes: { startup: number; health: number }
}

async function inspect(where: RunningPod | { url: string }): Promise<Inspection> {
  const response = await fetch('url' in where ? where.url : urlOf(where), {
    headers: { connection: 'close' },
  })
  return (await response.json()) as Inspection
}

function urlOf(pod: RunningPod): string {
  return `http://${pod.namespace.ipv4}:8000`
}
