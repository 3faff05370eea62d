// npm run bench:history: prints how many seconds of history the log holds for which traffic, as in docs/sizing.md.
import { Log } from '../src/log/log.ts'

const AGE_MS = 120_000
const MIB = 1_048_576
/** Duration of the traffic, after which the log does not change any more. */
const DURATION_MS = 150_000
const STEP_MS = 10

/** Streams that each get an event of `bytes` at the same rate. */
interface Group {
  name: string
  streams: number
  perSecond: number
  bytes: number
}

interface Traffic {
  maxBytes: number
  groups: readonly Group[]
}

const TRAFFIC: readonly Traffic[] = [
  { maxBytes: 16 * MIB, groups: [{ name: 'orders', streams: 1, perSecond: 100, bytes: 500 }] },
  { maxBytes: 16 * MIB, groups: [{ name: 'chat', streams: 100, perSecond: 50, bytes: 100 }] },
  {
    maxBytes: 16 * MIB,
    groups: [
      { name: 'chat', streams: 100, perSecond: 50, bytes: 100 },
      { name: 'user', streams: 2_000, perSecond: 0.05, bytes: 300 },
    ],
  },
  { maxBytes: 16 * MIB, groups: [{ name: 'user', streams: 20_000, perSecond: 0.02, bytes: 300 }] },
  {
    maxBytes: MIB,
    groups: [
      { name: 'loud', streams: 1, perSecond: 5_000, bytes: 100 },
      { name: 'quiet', streams: 200, perSecond: 0.1, bytes: 100 },
    ],
  },
]

/** Seconds of history of each group: of the stream that has least. */
function measure({ maxBytes, groups }: Traffic): number[] {
  const log = new Log({
    epoch: 'own00',
    maxAgeMs: AGE_MS,
    maxBytes,
    isResumable: true,
  })
  const due = groups.map(() => 0)
  const sent = groups.map(() => 0)
  for (let now = 0; now < DURATION_MS; now += STEP_MS) {
    groups.forEach(({ name, streams, perSecond, bytes }, i) => {
      due[i] = (due[i] as number) + (streams * perSecond * STEP_MS) / 1_000
      for (; (sent[i] as number) < Math.floor(due[i] as number); sent[i] = (sent[i] as number) + 1) {
        const stream = `${name}:${(sent[i] as number) % streams}`
        log.append('own00', { stream, msg: 'x'.repeat(bytes) }, now, now)
      }
    })
  }
  const record = log.epochs.get('own00')
  return groups.map(({ name, streams }) => {
    let ageMs = AGE_MS
    for (let i = 0; i < streams; i += 1) {
      const floor = record?.streamFloors?.get(`${name}:${i}`)
      if (floor !== undefined) ageMs = Math.min(ageMs, DURATION_MS - floor.sentAt)
    }
    return ageMs / 1_000
  })
}

console.log('| Log | Traffic | Seconds of history |')
console.log('| --- | --- | --- |')
for (const traffic of TRAFFIC) {
  const seconds = measure(traffic)
  const texts = traffic.groups.map(({ name, streams, perSecond, bytes }) => {
    const rate =
      perSecond < 1 ? `an event every ${1 / perSecond} s` : `${perSecond.toLocaleString('en')} events/s`
    return `${streams.toLocaleString('en')} × \`${name}\` with ${rate} of ${bytes} bytes`
  })
  const history = traffic.groups.map(({ name }, i) => {
    const held = seconds[i] as number
    return `\`${name}\` ${held < 10 ? held.toFixed(1) : Math.round(held)}`
  })
  const size = `${traffic.maxBytes / MIB} MiB`
  console.log(`| ${size} | ${texts.join('; ')} | ${history.join('; ')} |`)
}
