import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { acquainted, endPods, PodProcess, type Runtime } from '../support/pod-process.ts'
import { until, WAIT_MS } from '../support/until.ts'
import { RoamingClient } from './roaming-client.ts'
import { missing, Sender, STREAMS, stream, twice } from './sender.ts'

type Version = 'current' | 'released'
/** First and last version of a Pod. */
type Step = [Version, Version]

const CLIENTS = 8
/** Events that are sent between two restarts. */
const BETWEEN = 20
const SECRET = 'a secret of thirty-two characters'
const OPTIONS = { retryMs: 100, logMaxAgeMs: 20_000 }

const closes: (() => void)[] = []

afterEach(async () => {
  for (const close of closes.splice(0)) close()
  await endPods()
})

/** Environment and script of a Pod; the option for the time of a drain has another name in the recorded release. */
function podOf(
  version: Version,
  peerSecret: string | undefined,
): { script: string; env: { OPTIONS: string } } {
  const file = version === 'current' ? './custom-pod.ts' : './released-pod.ts'
  const drain =
    version === 'current' ? { drainTimeoutMs: 200, initialSyncTimeoutMs: 60_000 } : { drainMs: 200 }
  return {
    script: fileURLToPath(new URL(file, import.meta.url)),
    env: { OPTIONS: JSON.stringify({ ...OPTIONS, ...drain, peerSecret }) },
  }
}

/** From the recorded release, and back to it. */
const UPDATE: Step[] = [
  ['released', 'current'],
  ['released', 'current'],
  ['current', 'current'],
]
const ROLLBACK: Step[] = [
  ['current', 'released'],
  ['released', 'released'],
  ['current', 'released'],
]

test.each<[string, Runtime[], Step[], string, string | undefined]>([
  ['are updated from the recorded release', ['node', 'bun', 'node'], UPDATE, '127.0.177.', undefined],
  [
    'with a peerSecret go back to the recorded release',
    ['bun', 'node', 'bun'],
    ROLLBACK,
    '127.0.177.1',
    SECRET,
  ],
])(
  'clients that move between Pods get each event once while Pods %s',
  async (_, runtimes, steps, prefix, peerSecret) => {
    const hosts = runtimes.map((_, i) => `${prefix}${i + 1}`)
    const start = (i: number, version: Version) =>
      PodProcess.start({
        ...podOf(version, peerSecret),
        runtime: runtimes[i] as Runtime,
        host: hosts[i] as string,
        peers: hosts.map((host) => `${host}:7110`),
      })
    const pods = await Promise.all(steps.map(([before], i) => start(i, before)))
    await acquainted(pods)
    const urls = pods.map(({ url }) => url)
    const clients = Array.from(
      { length: CLIENTS },
      (_, i) => new RoamingClient(urls, i, [stream(i), stream(i + 2)]),
    )
    closes.push(() => clients.forEach((client) => void client.close()))
    await until('all clients were greeted', () => clients.every(({ greetings }) => greetings > 0))
    const sender = new Sender(pods)
    closes.push(() => sender.stop())

    const delivered = () => sender.accepted.filter(({ isDelivered }) => isDelivered)
    const sendMore = async () => {
      const enough = delivered().length + BETWEEN
      await until(`${BETWEEN} more events were delivered`, () => delivered().length >= enough, WAIT_MS, 20)
    }
    await sendMore()
    for (const [i, [before, after]] of steps.entries()) {
      if (before === after) continue
      const pod = pods[i] as PodProcess
      sender.without(pod)
      expect(await pod.kill('SIGTERM')).toBe(0)
      const next = await start(i, after)
      pods[i] = next
      await acquainted(pods)
      sender.live.push(next)
      await sendMore()
    }
    // Pods of this version keep exchanges open between each other, and none to the recorded release.
    const current = steps.flatMap(([, after], i) => (after === 'current' ? [pods[i] as PodProcess] : []))
    for (const pod of current) {
      await until(`${pod} has exchanges with its peers`, async () => {
        const { peers } = await pod.state()
        return peers.filter(({ exchange }) => exchange).length === current.length - 1
      })
    }
    sender.stop()
    await until('every send was answered', () => sender.pending === 0)

    for (const client of clients) client.settle()
    const last = pods.flatMap((pod) => STREAMS.map((to) => ({ pod, to, msg: `last of ${pod} to ${to}` })))
    await Promise.all(last.map(({ pod, to, msg }) => pod.send(to, msg)))
    const promised = [...delivered(), ...last.map(({ to, msg }) => ({ stream: to, msg, isDelivered: true }))]
    const hasAll = (client: RoamingClient) => client.gaps.length > 0 || missing(client, promised).length === 0
    await until('each client has every event, or a gap', () => clients.every(hasAll))
    expect(clients.flatMap(({ messages }) => twice(messages))).toEqual([])
    expect(clients.flatMap(({ error }) => error ?? [])).toEqual([])
    expect(clients.every(({ resumes }) => resumes >= 3)).toBe(true)
    expect(clients.filter(({ gaps }) => gaps.length === 0).length).toBeGreaterThan(CLIENTS / 2)
  },
)
