import { setTimeout as wait } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { printable } from '../printable.ts'
import { parseArguments, readHeaders, readUrl, SHARED_OPTIONS } from './arguments.ts'
import { type CommandIo, EXIT, exitCodeOf, reasonOf, shown } from './output.ts'

const USAGE = `Usage: npx sser listen URL --stream NAME [options]
npx sser listen --help explains the options.
`

const HELP = `Usage: npx sser listen URL --stream NAME [options]

Prints the events of streams, and reconnects by itself, with its last id. URL is the endpoint of the events, such as
https://shop.example/events.

  --stream NAME           a stream; may be repeated
  --from oldest           begins with the events that the log still holds (default: now)
  --last-event-id ID      begins after this id, which this command prints when it ends
  --count N               ends after N events
  --token TOKEN           adds the header Authorization: Bearer TOKEN
  --header 'Name: value'  adds a header to each request, such as a cookie; may be repeated
  --json                  prints each event and each gap as one line of JSON
  --help                  prints this text

It prints "stream event: data" for each event, and "! gap" where events may have been missed; connections and the last
id go to the standard error.
Exit codes: 0 after --count, or if the server says that no client should come back; 1 refused; 2 wrong usage;
130 and 143 ended by a signal, such as Ctrl-C.
`

const OPTIONS = {
  ...SHARED_OPTIONS,
  from: { type: 'string' },
  'last-event-id': { type: 'string' },
  count: { type: 'string' },
} as const

const EXAMPLE = 'https://shop.example/events'
const RETRY_MS = 2_000
const MAX_RETRY_MS = 30_000
/** A response without a byte for longer is broken: heartbeats come every 15 s by default. */
const MAX_SILENCE_MS = 90_000
/** Statuses after which a later request can succeed. */
const RETRIED = [408, 425, 429, 500, 502, 503, 504]

/** Runs `sser listen`; resolves with the exit code. */
export async function listen(args: readonly string[], io: CommandIo): Promise<number> {
  let listener: Listener | undefined
  try {
    listener = read(args, io)
  } catch (error) {
    io.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
    return EXIT.usage
  }
  if (listener !== undefined) return listener.run()
  io.stdout.write(HELP)
  return EXIT.ok
}

/** @throws Error in one line */
function read(args: readonly string[], io: CommandIo): Listener | undefined {
  const { values, positionals } = parseArguments(args, OPTIONS)
  if (values.help) return undefined
  const [address, ...others] = positionals
  const url = readUrl(address, EXAMPLE)
  if (others.length > 0)
    throw new Error(`expected one URL; name streams by --stream, got "${others[0]}" as well`)
  for (const stream of values.stream) url.searchParams.append('stream', stream)
  if (!url.searchParams.has('stream')) throw new Error('expected at least one --stream NAME')
  if (values.from !== undefined) url.searchParams.set('from', values.from)
  url.searchParams.set('label', 'field')
  const { count } = values
  if (count !== undefined && !/^[1-9]\d{0,14}$/.test(count))
    throw new Error(`--count: expected a whole number from 1, got "${count}"`)
  const headers = readHeaders(values.header, values.token)
  headers.set('accept', 'text/event-stream, application/json')
  return new Listener(io, {
    url,
    headers,
    isJson: values.json,
    lastEventId: values['last-event-id'],
    count: count === undefined ? Number.POSITIVE_INFINITY : Number(count),
  })
}

interface ListenerOptions {
  url: URL
  headers: Headers
  isJson: boolean
  lastEventId: string | undefined
  /** Number of events after which it ends. */
  count: number
}

/** Why a response ended; a number is the exit code. */
type End = number | 'ended'

class Listener {
  readonly #io: CommandIo
  readonly #options: ListenerOptions
  #lastEventId: string | undefined
  #retryMs = RETRY_MS
  #failures = 0
  #received = 0

  constructor(io: CommandIo, options: ListenerOptions) {
    this.#io = io
    this.#options = options
    this.#lastEventId = options.lastEventId
  }

  /** Listens until a signal, `count`, or an answer after which no client should come back. */
  async run(): Promise<number> {
    const { signal } = this.#io
    let end: End = 'ended'
    while (end === 'ended' && !signal.aborted) {
      end = await this.#connect()
      if (end === 'ended') await this.#pause()
    }
    if (this.#lastEventId !== undefined) this.#note(`last id: ${this.#lastEventId}`)
    return end === 'ended' ? exitCodeOf(signal) : end
  }

  async #connect(): Promise<End> {
    const headers = new Headers(this.#options.headers)
    if (this.#lastEventId !== undefined) headers.set('last-event-id', this.#lastEventId)
    const silence = new AbortController()
    const signal = AbortSignal.any([this.#io.signal, silence.signal])
    const timer = setTimeout(
      () => silence.abort(new Error(`no byte for ${MAX_SILENCE_MS / 1_000} s`)),
      MAX_SILENCE_MS,
    )
    try {
      const response = await fetch(this.#options.url, { headers, signal })
      const end = await this.#refusal(response)
      return end ?? (await this.#read(response, () => timer.refresh()))
    } catch (error) {
      if (this.#io.signal.aborted) return 'ended'
      this.#failures += 1
      this.#note(`${reasonOf(silence.signal.aborted ? silence.signal.reason : error)}; reconnects`)
      return 'ended'
    } finally {
      clearTimeout(timer)
      silence.abort()
    }
  }

  /** The end of a response that is no event stream; undefined where it is one. */
  async #refusal(response: Response): Promise<End | undefined> {
    const { status, headers } = response
    if (status === 204) {
      this.#note('HTTP 204: the server wants no further connection')
      return EXIT.ok
    }
    if (status === 200 && headers.get('content-type')?.startsWith('text/event-stream') === true)
      return undefined
    const text = (await response.text()).trim().slice(0, 200)
    const code = headers.get('sser-error')
    const reason = reasonOf(new Error(`HTTP ${status}: ${text}${code === null ? '' : ` (${code})`}`))
    if (!RETRIED.includes(status)) {
      const { origin, pathname } = this.#options.url
      const isElsewhere = status === 200 || status === 404 || status === 405
      this.#note(status === 200 ? `expected text/event-stream, got ${headers.get('content-type')}` : reason)
      if (isElsewhere && code === null)
        this.#note(
          `expected the URL where the app mounts sser.routes, such as ${EXAMPLE}, got ${printable(origin + pathname)}`,
        )
      return EXIT.failed
    }
    this.#failures += 1
    const seconds = Number(headers.get('retry-after'))
    if (seconds > 0) this.#retryMs = Math.min(seconds * 1_000, MAX_RETRY_MS)
    this.#note(`${reason}; reconnects`)
    return 'ended'
  }

  async #read(response: Response, onBytes: () => void): Promise<End> {
    let stream: string | undefined
    const parser = createParser({
      onRetry: (ms) => {
        this.#retryMs = Math.min(ms, MAX_RETRY_MS)
      },
      onError: ({ type, field, value }) => {
        if (type === 'unknown-field' && field === 'stream') stream = value
      },
      onEvent: ({ id, event, data }) => {
        if (this.#received >= this.#options.count) return
        if (id !== undefined) this.#lastEventId = id === '' ? undefined : id
        this.#print(stream, event, data)
        stream = undefined
      },
    })
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of response.body ?? []) {
      onBytes()
      // Whole lines, because the parser drops the first part of a field that it does not know, such as `stream:`.
      rest += decoder.decode(chunk, { stream: true })
      const end = rest.lastIndexOf('\n') + 1
      parser.feed(rest.slice(0, end))
      rest = rest.slice(end)
      if (this.#received >= this.#options.count) return EXIT.ok
    }
    return 'ended'
  }

  #print(stream: string | undefined, event: string | undefined, data: string): void {
    const { isJson } = this.#options
    const id = this.#lastEventId
    if (event === 'sser-position') return this.#onPosition(data)
    if (event === 'sser-retry')
      return this.#note(`the Pod ends the response: ${field(data, 'reason') ?? 'no reason'}`)
    if (event === 'sser-gap') {
      this.#failures = 0
      const reason = field(data, 'reason') ?? 'unknown'
      const text = isJson
        ? JSON.stringify({ type: 'gap', id, reason })
        : `! gap: events may have been missed (${reason})`
      this.#io.stdout.write(`${shown(this.#io, text)}\n`)
      return
    }
    this.#received += 1
    const line = isJson
      ? JSON.stringify({ type: 'event', id, stream, event, data })
      : `${stream ?? ''}${event === undefined ? '' : ` ${event}`}: ${data}`
    this.#io.stdout.write(`${shown(this.#io, line)}\n`)
  }

  #onPosition(data: string): void {
    const resumed = field(data, 'resumed')
    if (resumed === undefined) return
    this.#failures = 0
    const from = field(data, 'from') === 'oldest' ? ', from the oldest event on' : ''
    this.#note(resumed === true ? 'connected again, and resumes' : `connected${from}`)
  }

  /** Waits as long as the server has asked for, and longer after each failure. */
  #pause(): Promise<void> {
    const { signal } = this.#io
    const ms = Math.min(this.#retryMs * 2 ** Math.min(this.#failures, 4), MAX_RETRY_MS)
    // An abort ends the wait.
    return wait(ms, undefined, { signal }).catch(() => {})
  }

  #note(text: string): void {
    this.#io.stderr.write(`${text}\n`)
  }
}

/** A field of the JSON object of one of the server's own events. */
function field(data: string, name: string): unknown {
  try {
    return (JSON.parse(data) as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}
