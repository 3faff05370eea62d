import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../src/index.ts'
import { closeClients, StreamClient } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import { ClusterFleet, urlOf } from './fleet.ts'
import type { Kubelet } from './rig/kubelet/kubelet.ts'
import type { ContainerSpec } from './rig/kubelet/objects.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'

const END_MS = 60_000
const READY_MS = 60_000

let fleet: ClusterFleet

beforeAll(async () => {
  fleet = await ClusterFleet.start()
})

afterAll(async () => {
  closeClients()
  await fleet?.stop()
})

test("a Pod of another app at a former peer's address gets no events", async () => {
  const [former, one, other] = fleet.pods as [RunningPod, RunningPod, RunningPod]
  const { namespace, ip } = former
  const node = fleet.rig.kubelets.find(({ pods }) => [...pods.values()].includes(former)) as Kubelet
  // The two remaining Pods must not learn from the apiserver that the third was deleted.
  const { ipv4: apiServer } = fleet.rig.controlPlane.namespace
  for (const pod of [one, other]) await pod.namespace.cut(apiServer)
  await fleet.kubectl('annotate', 'pod', former.name, 'controller.kubernetes.io/pod-deletion-cost=-1')
  await fleet.kubectl('scale', 'deployment/web', '--replicas=2')
  await until('the third Pod is gone', () => ![...node.pods.values()].includes(former), END_MS)

  node.reuse(namespace)
  const otherApp = await startOtherApp(node)
  expect(otherApp.ip).toBe(ip)
  const client = await StreamClient.open(urlOf(ip), 'orders')
  const peer = `${ip}:7000`
  const { peers } = await send(one, 'not for the other app')
  expect(peers).toContainEqual({ peer, status: 'failed', reason: 'another Pod has this address by now' })
  // An event of the other app arrives after everything that the fleet has sent to that address.
  await send(otherApp, 'for all of mine')
  await until('the client gets an event', () => client.received.length > 0)
  expect(client.messages).toEqual(['for all of mine'])

  for (const pod of [one, other]) await pod.namespace.heal()
  await fleet.settled()
  expect((await send(one, 'two coffees')).peers.map(({ status }) => status)).toEqual(['delivered'])
})

/** Starts the same program as another app: with the same ports, and a separate set of peers. */
async function startOtherApp(node: Kubelet): Promise<RunningPod> {
  const path = '/apis/apps/v1/namespaces/web/deployments/web'
  const { spec } = (await fleet.rig.api.get<Deployment>(path)).spec.template
  const containers = spec.containers.map((container) => {
    return { ...container, env: [...(container.env ?? []), { name: 'SELECTOR', value: 'app=other-app' }] }
  })
  await fleet.rig.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'other-app', namespace: 'web', labels: { app: 'other-app' } },
    spec: { ...spec, nodeName: node.name, containers },
  })
  const isReady = () => {
    const found = fleet.rig.pods.find(({ name }) => name === 'other-app')
    return found?.object.status.containerStatuses?.[0]?.ready ?? false
  }
  await until('the other app is ready', isReady, READY_MS)
  return fleet.rig.pod('other-app')
}

async function send(pod: RunningPod, msg: string): Promise<Receipt> {
  const { body } = await request(`${urlOf(pod.ip)}/send?stream=orders`, { method: 'POST', body: msg })
  return (await body.json()) as Receipt
}

interface Deployment {
  spec: { template: { spec: { containers: ContainerSpec[] } } }
}
