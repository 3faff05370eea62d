import { createParser } from 'eventsource-parser'
import { StaticPeerFinder } from '../../../src/index.ts'
import { newSser } from '../../support/settings.ts'
import { StepClock } from '../step-clock.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'
import { ID_WORDS, IDS, UNCHECKED_IDS, withCheck } from '../words.ts'

interface Answered {
  status: number
  code: string | null
  resume: string | null
  greeting: string
  isHead: boolean
  /** Connections and timers that are left. */
  left: number
}

const clock = new StepClock()
const sser = newSser({
  peerFinder: new StaticPeerFinder([]),
  clock,
  logger: false,
  maxConnectionsPerAddress: 1,
  trustedProxyHops: 1,
})
const started = sser.start()
const CODES = [
  null,
  'stream-name-required',
  'invalid-stream-name',
  'too-many-streams-per-connection',
  'not-acceptable',
]

/** Parts of a client's request: query, headers, method. */
export const request: Surface<Answered | undefined> = {
  name: 'request',
  corpus: [
    { query: '?stream=orders' },
    { query: '?stream=orders&stream=a%20b&stream=%C3%A9', accept: 'text/event-stream', id: IDS[0] as string },
    { query: `?stream=a&lastEventId=${IDS[1]}`, accept: 'text/html, text/event-stream;q=0.5, */*;q=0' },
    { query: '?stream=a', forwarded: '2001:db8::1, 10.0.0.1', address: '::ffff:10.0.0.1' },
    { query: '?stream=a', method: 'HEAD', id: UNCHECKED_IDS[2] as string },
  ],
  words: [
    ...ID_WORDS,
    'stream=',
    '&',
    '%0A',
    '%00',
    '%',
    '+',
    '#',
    ';q=0',
    ',',
    '*/*',
    'text/*',
    'POST',
    'accept',
    'id',
    'forwarded',
    'address',
    '::',
    '::ffff:',
    '[::1]:80',
    '%eth0',
  ],
  async run(input) {
    await started
    const asked = requestOf(input)
    if (asked === undefined) return undefined
    const response = await sser.handler(asked, envOf(input))
    const { status, headers, body } = response
    let greeting = ''
    if (body !== null) {
      const reader = body.getReader()
      const reading = reader.read()
      // A connection that is behind may have to wait for the next turn of the catch-up queue.
      await clock.advance(0)
      const { value } = await reading
      greeting = new TextDecoder('utf-8', { fatal: true }).decode(value as Uint8Array)
      await reader.cancel()
    }
    const code = headers.get('sser-error')
    const resume = headers.get('sser-resume')
    return { status, code, resume, greeting, isHead: asked.method === 'HEAD', left: sser.connections }
  },
  invariant(answered) {
    if (answered === undefined) return undefined
    const { status, code, resume, greeting, isHead, left } = answered
    if (![200, 400, 405, 406].includes(status)) return `status ${status}`
    if (!CODES.includes(code)) return `code ${code}`
    if (left > 0) return `${left} connections are left`
    if (status !== 200 || isHead) return undefined
    const events: (string | undefined)[] = []
    let fault: string | undefined
    const note = (what: string) => {
      fault ??= what
    }
    const parser = createParser({
      onEvent: ({ event }) => events.push(event),
      onError: ({ message }) => note(message),
      onComment: (comment) => note(`a comment: ${comment}`),
    })
    parser.feed(greeting)
    if (fault !== undefined) return fault
    const expected = resume === 'gap' ? 'sser-gap' : 'sser-position'
    return events.length === 1 && events[0] === expected ? undefined : `greeted by ${events}`
  },
}

/** The `env` that Node's adapter gives the app beside the request. */
function envOf(input: Json) {
  const { address } = fieldsOf(input)
  return { incoming: { socket: { remoteAddress: address === undefined ? '10.0.0.9' : textOf(address) } } }
}

/** Undefined where no client could ask so. */
function requestOf(input: Json): Request | undefined {
  const { query = '', method, accept, id, forwarded } = fieldsOf(input)
  try {
    const headers = new Headers()
    if (accept !== undefined) headers.set('accept', textOf(accept))
    if (forwarded !== undefined) headers.set('x-forwarded-for', textOf(forwarded))
    if (id !== undefined) headers.set('last-event-id', withCheck(textOf(id)))
    return new Request(`http://pod/events${query}`, {
      headers,
      method: method === undefined ? 'GET' : textOf(method),
    })
  } catch {
    return undefined
  }
}
