import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { StatusError } from '../src/discovery/kubernetes/api-objects.ts'
import { explain } from '../src/discovery/kubernetes/explain.ts'
import { resolveOptions } from '../src/discovery/kubernetes/finder.ts'
import { pods } from '../src/discovery/kubernetes/pods.ts'
import { LocalhostPeerFinder, Sser } from '../src/index.ts'
import { resolveOptions as resolveSserOptions } from '../src/options.ts'
import { REQUEST_DRAIN_TIMEOUT_MS } from '../src/runtime/join-options.ts'
import {
  type Deployment,
  type DisruptionBudget,
  find,
  listExamples,
  type Manifest,
  manifestsIn,
  type NetworkPolicy,
  parseManifests,
  type Role,
  type RoleBinding,
  readExample,
  type Service,
} from './support/manifests.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
/** Time for a Pod to free its ports after the flush. */
const CLOSE_MS = 1_000

const base = manifestsIn('base/')
const deployment = find<Deployment>(base, 'Deployment')
const { template } = deployment.spec
const [container] = template.spec.containers
const server = readExample('server.ts')
const settings = resolveSserOptions({})
const EDGES = ['ingress-nginx', 'envoy-gateway', 'traefik', 'aws-alb', 'gke']

const portOf = (name: string) => container.ports.find((port) => port.name === name)?.containerPort
const publicPort = Number(/port: (\d+)/.exec(server)?.[1])
const labelSelector = String(/labelSelector: '([^']+)'/.exec(server)?.[1])

describe('the Deployment', () => {
  test('has the label that its finder selects', () => {
    resolveOptions({ labelSelector })
    const [key = '', value] = labelSelector.split('=')
    expect(template.metadata.labels[key]).toBe(value)
    expect(deployment.spec.selector.matchLabels).toEqual(template.metadata.labels)
    for (const { labelSelector } of template.spec.topologySpreadConstraints) {
      expect(labelSelector.matchLabels).toEqual(template.metadata.labels)
    }
  })

  test('sets exactly the downward API variables that the finder reads', () => {
    const folder = join(ROOT, 'src/discovery/kubernetes')
    const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
    const read = new Set(sources.join('\n').match(/\bPOD_[A-Z]+\b/g))
    const fields: Record<string, string> = {
      POD_UID: 'metadata.uid',
      POD_NAME: 'metadata.name',
      POD_NAMESPACE: 'metadata.namespace',
      POD_IP: 'status.podIP',
    }
    const told = container.env.flatMap(({ name, valueFrom }) =>
      valueFrom === undefined ? [] : [[name, valueFrom.fieldRef.fieldPath]],
    )
    expect(Object.fromEntries(told)).toEqual(fields)
    expect(new Set(Object.keys(fields))).toEqual(read)
  })

  test('declares the ports that serve() binds', () => {
    expect(portOf('http')).toBe(publicPort)
    expect(portOf('internal')).toBe(settings.internalPort)
  })

  test('probes existing paths, and restarts no Pod that is not ready', async () => {
    const sser = new Sser({ peerFinder: new LocalhostPeerFinder() })
    const { startupProbe, readinessProbe, livenessProbe } = container
    const statusOf = async ({ httpGet }: typeof livenessProbe) => {
      expect(portOf(httpGet.port)).toBe(settings.internalPort)
      return (await sser.opsRoutes.request(httpGet.path)).status
    }
    // It was not started, so it is live and not ready.
    expect(await statusOf(livenessProbe)).toBe(200)
    expect(await statusOf(startupProbe)).toBe(200)
    expect(await statusOf(readinessProbe)).toBe(503)
  })

  test('waits for a ready new Pod before an old one stops, and drains one at a time', () => {
    const { minReadySeconds, strategy } = deployment.spec
    expect(strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
    expect(minReadySeconds * 1_000).toBeGreaterThanOrEqual(settings.drainTimeoutMs)
  })

  test('requests no permission beyond the restricted standard', () => {
    const { runAsNonRoot, runAsUser, seccompProfile } = template.spec.securityContext
    expect(runAsNonRoot).toBe(true)
    expect(runAsUser).not.toBe(0)
    expect(seccompProfile?.type).toBe('RuntimeDefault')
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes']) {
      expect(template.spec).not.toHaveProperty(name)
    }
    const { labels = {} } = find(base, 'Namespace').metadata
    for (const mode of ['enforce', 'warn']) {
      expect(labels[`pod-security.kubernetes.io/${mode}`]).toBe('restricted')
    }
  })

  test('requests its memory limit, and sets no CPU limit', () => {
    const { requests, limits } = container.resources
    expect(limits).toEqual({ memory: requests.memory })
    const mebibytes = Number(/^(\d+)Mi$/.exec(requests.memory ?? '')?.[1])
    expect(mebibytes * 1_048_576).toBeGreaterThan(4 * settings.logMaxBytes)
  })
})

describe.each([['base', deployment] as const, ...patches()])('the grace period of %s', (_, { spec }) => {
  test('exceeds the sum of preStop, drain, requests in flight and flush', () => {
    const { terminationGracePeriodSeconds, containers } = spec.template.spec
    const { drainTimeoutMs, flushTimeoutMs } = settings
    const preStopMs = containers[0].lifecycle.preStop.sleep.seconds * 1_000
    expect(preStopMs).toBeGreaterThanOrEqual(5_000)
    const stopMs = drainTimeoutMs + REQUEST_DRAIN_TIMEOUT_MS + flushTimeoutMs + CLOSE_MS
    const spareMs = terminationGracePeriodSeconds * 1_000 - preStopMs - stopMs
    expect(spareMs).toBeGreaterThanOrEqual(5_000)
  })
})

describe('access', () => {
  const kind = pods(labelSelector)
  const role = find<Role>(base, 'Role')
  const binding = find<RoleBinding>(base, 'RoleBinding')

  test('grants exactly the requests of the finder', () => {
    expect(role.rules).toEqual([
      { apiGroups: [kind.group], resources: [kind.resource], verbs: ['list', 'watch'] },
    ])
    expect(template.spec.automountServiceAccountToken).toBe(true)
    expect(binding.roleRef).toEqual({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'web' })
    const { name, namespace } = find(base, 'ServiceAccount').metadata
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name, namespace }])
    expect(template.spec.serviceAccountName).toBe(name)
  })

  test('equals the Role that the finder reports after a 403', () => {
    const refusal = new StatusError(
      { message: 'User "system:serviceaccount:web:web" cannot list resource "pods"' },
      { code: 403 },
    )
    const { message } = explain(refusal, { ...kind, host: 'api', namespace: 'web', origin: 'here' })
    const [printedRole, printedBinding] = parseManifests(message.slice(message.indexOf('apiVersion:')))
    expect((printedRole as Role).rules).toEqual(role.rules)
    expect((printedBinding as RoleBinding).subjects).toEqual(binding.subjects)
  })
})

describe('the network', () => {
  const policy = find<NetworkPolicy>(base, 'NetworkPolicy').spec
  const toPeers = [{ podSelector: { matchLabels: template.metadata.labels } }]

  test('allows only peers to reach the internal port, and all clients the public one', () => {
    expect(policy.podSelector.matchLabels).toEqual(template.metadata.labels)
    expect(policy.policyTypes).toEqual(['Ingress', 'Egress'])
    expect(policy.ingress).toEqual([
      { from: toPeers, ports: [{ port: settings.internalPort }] },
      { ports: [{ port: publicPort }] },
    ])
    expect(policy.egress[0]).toEqual({ to: toPeers, ports: [{ port: settings.internalPort }] })
    const anywhere = policy.egress.slice(1).flatMap(({ ports }) => ports.map(({ port }) => port))
    expect(anywhere).toEqual([53, 53, 5353, 5353, 443, 6443])
  })

  test('allows DNS over UDP and TCP, on 5353 as well, for OpenShift', () => {
    const [, dns] = policy.egress
    expect(dns).toEqual({
      ports: [53, 5353].flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ port, protocol }))),
    })
  })

  test('routes clients to ready Pods, and lists all Pods for finders', () => {
    const open = find<Service>(base, 'Service').spec
    const headless = find<Service>(base, 'Service', 'web-peers').spec
    for (const { selector } of [open, headless]) expect(selector).toEqual(template.metadata.labels)
    expect(open.ports.map(({ targetPort }) => portOf(targetPort))).toEqual([publicPort])
    expect(open).not.toHaveProperty('publishNotReadyAddresses')
    expect(headless).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    expect(headless.ports).toEqual([
      { name: 'internal', port: settings.internalPort, targetPort: 'internal' },
    ])
  })

  test('loses one Pod at a time when nodes are drained', () => {
    const { maxUnavailable, selector } = find<DisruptionBudget>(base, 'PodDisruptionBudget').spec
    expect(maxUnavailable).toBe(1)
    expect(selector.matchLabels).toEqual(template.metadata.labels)
  })
})

describe.each(EDGES)('the edge %s', (name) => {
  const text = listExamples()
    .filter((path) => path.startsWith(`edge/${name}/`))
    .map(readExample)
    .join('\n')

  test('routes to the public port, never to the internal one', () => {
    const backends = [...text.matchAll(/name: web\n +port(?:: (\d+)|:\n +name: (\w+))/g)]
    expect(backends.length).toBeGreaterThan(0)
    const { ports } = find<Service>(base, 'Service').spec
    for (const [, port, portName] of backends) {
      expect(ports.some((each) => String(each.port) === port || each.name === portName)).toBe(true)
    }
    for (const [, port] of text.matchAll(/^ +port: (\d{4})$/gm)) expect(Number(port)).toBe(publicPort)
  })

  test('routes /events alone, because POST /send has no login', () => {
    const paths = Array.from(text.matchAll(/^ +(?:- path|value): (\/\S*)$/gm), ([, path]) => path)
    expect(paths).toEqual(['/events'])
    expect(server).toContain("app.route('/events', sser.routes)")
  })

  test('states that it was not tried in a real cluster', () => {
    expect(text).toContain('# Not tried in a real cluster')
  })

  test('has idle timeouts above four heartbeats', () => {
    const waits = [...text.matchAll(/(?:read-timeout: "|idle_timeout.timeout_seconds=|timeoutSec: )(\d+)/g)]
    for (const [, seconds] of waits) {
      expect(Number(seconds) * 1_000).toBeGreaterThanOrEqual(4 * settings.heartbeatMs)
    }
  })

  test('checks the health at a path of the public port', () => {
    const paths = [...text.matchAll(/(?:healthcheck-path|requestPath): (\S+)/g)]
    if (paths.length > 0) expect(server).toContain("app.route('/', sser.probeRoutes)")
    for (const [, path] of paths) expect(path).toBe('/readyz')
  })
})

test('the base asks for an open internal port, which its NetworkPolicy guards', () => {
  const { name, value } = container.env.find((variable) => variable.value !== undefined) ?? {}
  expect(server).toContain(`allowOpenInternalPort: process.env.${name} === '${value}'`)
})

test('the component `secret` sets the variable that the server reads', () => {
  const [patch] = manifestsIn('secret/').filter(({ kind }) => kind === 'Deployment') as Deployment[]
  const [{ env }] = (patch as Deployment).spec.template.spec.containers
  const [variable, removed] = env as unknown as [
    { name: string; valueFrom: { secretKeyRef: { name: string; key: string } } },
    (typeof env)[number],
  ]
  expect(server).toContain(`process.env.${variable.name}`)
  expect(removed).toEqual({ name: 'ALLOW_OPEN_INTERNAL_PORT', $patch: 'delete' })
  const { secretKeyRef } = variable.valueFrom
  const make = `kubectl create secret generic ${secretKeyRef.name} -n web --from-literal=${secretKeyRef.key}=`
  expect(readExample('secret/kustomization.yaml')).toContain(make)
  expect(readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8')).toContain(make)
})

test('the component `first-rollout` sets the variable that the server reads', () => {
  const [patch] = manifestsIn('secret/first-rollout/').filter(
    ({ kind }) => kind === 'Deployment',
  ) as Deployment[]
  const [{ env, name }] = (patch as Deployment).spec.template.spec.containers
  expect(name).toBe(container.name)
  const [variable] = env as unknown as [{ name: string; value: string }]
  expect(server).toContain(`allowUnsignedPeers: process.env.${variable.name} === '${variable.value}'`)
  expect(readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8')).toContain('secret/first-rollout')
})

test('each kustomization names every manifest in its folder', () => {
  for (const path of listExamples().filter((each) => each.endsWith('kustomization.yaml'))) {
    const folder = path.slice(0, -'kustomization.yaml'.length)
    const { resources = [], patches = [] } = parse(readExample(path)) as {
      resources?: string[]
      patches?: { path: string }[]
    }
    const named = [...resources, ...patches.map((patch) => patch.path)].filter((name) =>
      name.endsWith('.yaml'),
    )
    const beside = listExamples()
      .filter((each) => each.startsWith(folder) && each.endsWith('.yaml') && each !== path)
      .map((each) => each.slice(folder.length))
      .filter((name) => !name.includes('/'))
    expect(named.toSorted(), path).toEqual(beside.toSorted())
  }
})

function patches(): [string, Deployment][] {
  const isPatch = ({ kind }: Manifest) => kind === 'Deployment'
  return EDGES.flatMap((name) => {
    const found = manifestsIn(`edge/${name}/`).filter(isPatch) as Deployment[]
    return found.map((each): [string, Deployment] => [`edge/${name}`, each])
  })
}
