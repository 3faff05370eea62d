/**
 * `npm run soak:fair-log`: three Pods with a log of 1 MiB, each a process, one stream with some thousand events a second,
 * and 200 quiet streams with an event each ten seconds. The client of each quiet stream leaves, and resumes 20 seconds
 * later on another Pod, a third of them on one that has replaced a drained Pod meanwhile: it must receive each event
 * once, without a gap. A client of the loud stream, which does the same, must receive a gap: it shows that the log is
 * full. Takes a minute.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createParser } from 'eventsource-parser'
import { acquainted, endPods, PodProcess, startFleet } from '../support/pod-process.ts'
import { until, WAIT_MS } from '../support/until.ts'

const QUIET = 200
const QUIET_EVERY_MS = 10_000
/** Events of the loud stream in a burst of one Pod; each Pod sends one at a time. */
const BURST = 40
const BURST_EVERY_MS = 20
const STAY_MS = 12_000
const AWAY_MS = 20_000
/** Place of the Pod that is replaced: the last one. */
const REPLACED = 2
const SCRIPT = fileURLToPath(new URL('../fleet/subscribing-pod.ts', import.meta.url))
const OPTIONS = JSON.stringify({
  logMaxBytes: 1_048_576,
  maxConnectionsPerAddress: 1_000,
  drainTimeoutMs: 200,
})

/** A client of one stream, over its connections. */
class Client {
  readonly stream: string
  readonly messages: string[] = []
  readonly gaps: string[] = []
  id = ''
  isGreeted = false
  resume: string | null = null
  #connection = new AbortController()

  constructor(stream: string) {
    this.stream = stream
  }

  connect(pod: PodProcess): void {
    this.#connection = new AbortController()
    void this.#read(pod.url, this.#connection.signal).catch(() => {})
  }

  leave(): void {
    this.isGreeted = false
    this.#connection.abort()
  }

  async #read(url: string, signal: AbortSignal): Promise<void> {
    const headers: Record<string, string> = this.id === '' ? {} : { 'Last-Event-ID': this.id }
    const response = await fetch(`${url}/events?stream=${this.stream}`, { headers, signal })
    this.resume = response.headers.get('sser-resume')
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        this.isGreeted = true
        if (id !== undefined) this.id = id
        if (event === 'sser-gap') this.gaps.push(data)
        else if (event === undefined) this.messages.push(data)
      },
    })
    const text = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      if (signal.aborted) return
      parser.feed(text.decode(chunk, { stream: true }))
    }
  }
}

const pods = await startFleet(['node', 'bun', 'node'], '127.0.98.1', { script: SCRIPT, env: { OPTIONS } })
const at = (place: number) => pods[place % pods.length] as PodProcess
const faults: string[] = []
const sent = new Map<string, string[]>()
let loud = 0
let isOver = false
let isReplacing = false
let isSendingQuiet = false

/** Bursts of one Pod, one after another: each begins at its time, or later if the one before takes longer. */
async function bursts(pod: PodProcess): Promise<void> {
  const events = Array.from({ length: BURST }, (_, i) => ['loud', `${i} ${'x'.repeat(100)}`])
  for (let due = performance.now(); !isOver; due += BURST_EVERY_MS) {
    try {
      await pod.post('/burst', events)
    } catch (error) {
      if (isReplacing) return
      throw error
    }
    loud += BURST
    await delay(Math.max(0, due + BURST_EVERY_MS - performance.now()))
  }
}

async function quietEvents(): Promise<void> {
  for (let number = 0; !isOver; number += 1) {
    const stream = `quiet:${number % QUIET}`
    const msg = `${stream} ${number}`
    isSendingQuiet = true
    await at(number % (isReplacing ? REPLACED : pods.length)).send(stream, msg)
    isSendingQuiet = false
    sent.set(stream, [...(sent.get(stream) ?? []), msg])
    await delay(QUIET_EVERY_MS / QUIET)
  }
}

/** Drains the last Pod, and starts it again; resolves with how long that took. */
async function replace(): Promise<number> {
  const start = performance.now()
  const pod = at(REPLACED)
  isReplacing = true
  await until('no quiet event is on its way', () => !isSendingQuiet)
  const how = await pod.kill('SIGTERM')
  if (how !== 0) faults.push(`${pod} ended with ${how}`)
  pods[REPLACED] = await PodProcess.start(pod.options)
  await acquainted(pods)
  isReplacing = false
  return performance.now() - start
}

try {
  await acquainted(pods)
  const quiet = Array.from({ length: QUIET }, (_, i) => new Client(`quiet:${i}`))
  const clients = [...quiet, new Client('loud')]
  const connect = async (shift: number) => {
    for (const [i, client] of clients.entries()) client.connect(at(i + shift))
    await until('each client is greeted', () => clients.every(({ isGreeted }) => isGreeted), WAIT_MS, 50)
  }
  await connect(0)
  const start = performance.now()
  const sending = [...pods.map(bursts), quietEvents()]
  await delay(STAY_MS)
  for (const client of clients) client.leave()
  const before = quiet.reduce((sum, { messages }) => sum + messages.length, 0)
  const loudBefore = loud
  const back = delay(AWAY_MS)
  const replaceMs = await replace()
  sending.push(bursts(at(REPLACED)))
  await back
  const loudAway = loud - loudBefore
  await connect(1)
  const resumed = quiet.filter(({ resume }) => resume === 'complete').length
  await delay(STAY_MS)
  isOver = true
  await Promise.all(sending)
  const seconds = (performance.now() - start) / 1_000
  const lacks = ({ stream, messages }: Client) => messages.length < (sent.get(stream)?.length ?? 0)
  const late = () => quiet.filter((client) => client.gaps.length === 0 && lacks(client))
  await until('each client has its events', () => late().length === 0, WAIT_MS, 50).catch(() => {})
  for (const { stream, messages, gaps } of quiet) {
    const wanted = sent.get(stream) ?? []
    if (gaps.length > 0) faults.push(`${stream}: a gap, ${gaps}`)
    else if (messages.join() !== wanted.join())
      faults.push(`${stream}: expected ${wanted.length} events, got ${messages.length}: ${messages}`)
  }
  const gapsOfLoud = clients.at(-1)?.gaps ?? []
  if (gapsOfLoud.length === 0) faults.push('loud: expected a gap, because its log is full')
  console.log(
    `${Math.round(loud / seconds)} events/s of the loud stream (${loudAway} while the clients were away), ` +
      `${QUIET} quiet streams with ${[...sent.values()].flat().length} events; ${before} received before the clients ` +
      `left, ${quiet.reduce((sum, { messages }) => sum + messages.length, 0)} in all; ${resumed} of ${QUIET} resumed ` +
      `completely on another Pod after ${AWAY_MS / 1_000} s, one of them replaced in ${Math.round(replaceMs)} ms; gaps of the loud client: ${gapsOfLoud}`,
  )
} finally {
  isOver = true
  await endPods()
}
for (const fault of faults.slice(0, 20)) console.error(`broken: ${fault}`)
if (faults.length > 0) process.exitCode = 1
