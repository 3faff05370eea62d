import { ProtocolError, StatusError } from '../../../src/discovery/kubernetes/api-objects.ts'
import type { ApiTransport } from '../../../src/discovery/kubernetes/api-transport.ts'
import { endpointSlices } from '../../../src/discovery/kubernetes/endpoint-slices.ts'
import { ListWatch } from '../../../src/discovery/kubernetes/list-watch.ts'
import type { PeerSource } from '../../../src/discovery/kubernetes/peer-source.ts'
import { pods } from '../../../src/discovery/kubernetes/pods.ts'
import { checkPeers } from '../../../src/discovery/peer-finder.ts'
import { StepClock } from '../step-clock.ts'
import { fieldsOf, type Surface, textOf } from '../surface.ts'

const meta = (name: string) => ({ name, uid: `uid-${name}`, resourceVersion: '7' })
const status = { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] }
const pod = { metadata: { ...meta('web-1'), creationTimestamp: '2026-01-01T00:00:00Z' }, status }
const zoned = { metadata: meta('web-3'), status: { phase: 'Running', podIP: 'fe80::1%eth0' } }
const slice = {
  metadata: meta('web-x'),
  endpoints: [
    { addresses: ['10.0.0.2'], conditions: { terminating: false }, targetRef: { name: 'web-2', uid: 'u2' } },
  ],
}
const list = (...items: object[]) =>
  JSON.stringify({ kind: 'AnyList', metadata: { resourceVersion: '6', continue: '' }, items })
const events = [
  { type: 'ADDED', object: pod },
  { type: 'MODIFIED', object: slice },
  { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
  { type: 'DELETED', object: pod },
].map((event) => JSON.stringify(event))
const gone = {
  kind: 'Status',
  code: 410,
  message: 'too old',
  details: { retryAfterSeconds: 3, causes: [{ reason: 'x' }] },
}

/** Responses of the API server: a page of a list, then the lines of a watch. */
export const apiServer: Surface<string | undefined> = {
  name: 'api-server',
  corpus: [
    { kind: 'pods', list: list(zoned, pod), watch: [events[2]].map(textOf), cut: 64 },
    { kind: 'pods', list: list(pod), watch: [events[0], events[2], events[3]].map(textOf), cut: 7 },
    { kind: 'slices', list: list(slice), watch: [events[1], events[2]].map(textOf), cut: 1_000 },
    { kind: 'pods', list: list(), watch: [JSON.stringify({ type: 'ERROR', object: gone })], cut: 64 },
    {
      kind: 'pods',
      list: '{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":null}',
      watch: [],
      cut: 3,
    },
  ],
  words: [
    'metadata',
    'items',
    'status',
    'endpoints',
    'podIPs',
    'uid',
    'continue',
    'fe80::1%eth0',
    '::',
    '1.2.3.4',
    '\u001b[2J',
  ],
  async run(input) {
    const { kind, list, watch, cut } = fieldsOf(input)
    const lines = Array.isArray(watch) ? watch.map(textOf) : [textOf(watch)]
    const bodies = [textOf(list), lines.map((line) => `${line}\n`).join('')]
    const source = (kind === 'slices' ? endpointSlices('web') : pods('app=web')) as PeerSource
    const size = Math.min(Math.max(Math.trunc(typeof cut === 'number' ? cut : 64) || 64, 1), 4_096)
    const transport = { get: async () => ({ date: 0, body: pieces(bodies.shift() ?? '', size) }) }
    const clock = new StepClock()
    const listWatch = new ListWatch({ source, clock, transport: transport as unknown as ApiTransport })
    const { signal } = new AbortController()
    try {
      const { objects } = await listWatch.list('0', signal)
      checkPeerSet(source, objects)
      for await (const change of await listWatch.watch('6', 300, signal)) {
        if (change.type === 'BOOKMARK') continue
        if (change.type === 'DELETED') objects.delete(change.object.metadata.uid)
        else objects.set(change.object.metadata.uid, change.object)
        checkPeerSet(source, objects)
      }
    } catch (error) {
      return faultOf(error)
    }
    return clock.timers > 0 ? `${clock.timers} timers are left` : undefined
  },
  invariant: (wrong) => wrong,
}

/** Every peer of the set has a valid address. */
function checkPeerSet(
  source: PeerSource,
  objects: ReadonlyMap<string, Parameters<PeerSource['toPeerSet']>[0] extends Iterable<infer T> ? T : never>,
) {
  const { peers, nextExpiryAt } = source.toPeerSet(objects.values(), {
    family: 'IPv4',
    port: undefined,
    now: Date.now(),
  })
  checkPeers(peers)
  if (Number.isNaN(nextExpiryAt)) throw new Error('the next expiry is NaN')
  source.ownUid(objects.values(), 'web-1', undefined)
}

/** Checks that an error has one of the finder's classes, and a message that is safe for a terminal. */
function faultOf(error: unknown): string | undefined {
  const isOwn = error instanceof StatusError || error instanceof ProtocolError
  if (!isOwn) throw error
  if (/[\p{C}\u2028\u2029]/u.test(error.message)) return `not fit for a log: ${JSON.stringify(error.message)}`
  if (error.message.length > 12_000) return 'a message without end'
  if (error instanceof StatusError && !(error.retryAfterMs === undefined || error.retryAfterMs >= 0))
    return 'odd pause'
  return undefined
}

async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  // After 64 small pieces of a long body the rest comes in large ones, to save time.
  for (let at = 0; at < bytes.byteLength; at += at > 64 * size ? 65_536 : size) {
    yield bytes.subarray(at, at + (at > 64 * size ? 65_536 : size))
  }
}
