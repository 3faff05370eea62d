import { createParser } from 'eventsource-parser'
import { type Run, StaticPeerFinder } from '../../../src/index.ts'
import { newSser } from '../../support/settings.ts'
import { StepClock } from '../step-clock.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'

interface Answered {
  status: number
  code: string | null
  text: string
  /** Connections and readers that are left. */
  left: number
}

const CHUNKS = ['one', 'two\nlines', 'three']
const clock = new StepClock()
const sser = newSser({ peerFinder: new StaticPeerFinder([]), clock, logger: false })
const started = sser.start().then(async () => {
  const ended = await sser.startRun('ended')
  for (const chunk of CHUNKS) ended.write(chunk)
  ended.end()
  const running = await sser.startRun('running')
  for (const chunk of CHUNKS) running.write(chunk)
  return running
})
const CODES = [
  null,
  'stream-name-required',
  'invalid-stream-name',
  'too-many-streams-per-connection',
  'invalid-parameter',
  'run-not-found',
]

/** A request for a run: its query, and the id of its client, in which `CHECK` is the check of the running run. */
export const runRequest: Surface<Answered | undefined> = {
  name: 'run-request',
  corpus: [
    { query: '?run=running' },
    { query: '?run=running&from=now', id: '1.CHECK' },
    { query: '?run=ended', id: '2.CHECK' },
    { query: '?run=ended&lastEventId=3.CHECK.end' },
    { query: '?run=running&from=start', id: '0.CHECK.lost' },
    { query: '?run=unknown', id: 'zz.AAA' },
    { query: '?run=running&stream=a' },
  ],
  words: [
    'run=',
    'from=',
    'lastEventId=',
    '.end',
    '.lost',
    '.CHECK',
    '0',
    'zzzzzzzzzz',
    '-1',
    '&',
    '%0A',
    '%00',
  ],
  async run(input) {
    const running = await started
    const request = requestOf(input, running)
    if (request === undefined) return undefined
    const answering = sser.handler(request)
    let response: Response | undefined
    void answering.then((answered) => {
      response = answered
    })
    for (let steps = 0; response === undefined && steps < 40; steps += 1) await clock.advance(100)
    const { status, headers, body } = response ?? (await answering)
    let text = ''
    const reader = body?.getReader()
    const decoder = new TextDecoder('utf-8', { fatal: true })
    for (let reads = 0; reader !== undefined && reads < 4; reads += 1) {
      const reading = reader.read()
      await clock.advance(1)
      const value = await Promise.race([reading, Promise.resolve(undefined)])
      if (value?.value === undefined) break
      text += decoder.decode(value.value, { stream: true })
    }
    await reader?.cancel()
    return {
      status,
      code: headers.get('sser-error'),
      text,
      left: sser.connections + sser.stats().runs.readers,
    }
  },
  invariant(answered) {
    if (answered === undefined) return undefined
    const { status, code, text, left } = answered
    if (![200, 204, 400, 404].includes(status)) return `status ${status}`
    if (!CODES.includes(code)) return `code ${code}`
    if (left > 0) return `${left} readers are left`
    if (status !== 200) return undefined
    const chunks: string[] = []
    let fault: string | undefined
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event === undefined) chunks.push(data)
        else if (!event.startsWith('sser-')) fault ??= `an event ${event}`
      },
      onError: ({ message }) => {
        fault ??= message
      },
    })
    parser.feed(text)
    // The last chunks of the run, in order.
    const expected = CHUNKS.slice(CHUNKS.length - chunks.length)
    return fault ?? (JSON.stringify(chunks) === JSON.stringify(expected) ? undefined : `got ${chunks}`)
  },
}

/** Undefined where no client could ask so. */
function requestOf(input: Json, { lastId = '' }: Run): Request | undefined {
  const { query = '', id } = fieldsOf(input)
  const check = lastId.slice(lastId.indexOf('.') + 1)
  const withCheck = (text: string) => text.replaceAll('CHECK', check)
  try {
    const headers = new Headers()
    if (id !== undefined) headers.set('last-event-id', withCheck(textOf(id)))
    const url = new URL(`http://pod/events${withCheck(textOf(query))}`)
    return url.searchParams.has('run') ? new Request(url, { headers }) : undefined
  } catch {
    return undefined
  }
}
