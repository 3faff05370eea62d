import { setTimeout as wait } from 'node:timers/promises'
import { printable } from '../printable.ts'
import { parseArguments, readHeaders, readUrl, SHARED_OPTIONS } from './arguments.ts'
import { type CommandIo, EXIT, exitCodeOf, reasonOf, shown } from './output.ts'

const USAGE = `Usage: npx sser send URL --stream NAME [options] [MESSAGE]
npx sser send --help explains the options.
`

const HELP = `Usage: npx sser send URL --stream NAME [options] [MESSAGE]
       npx sser send URL --ndjson [options] < FILE

Sends an event to every client of a stream, by the publish routes of a Pod: URL is where the app mounts them, such
as https://shop.example/publish. Without MESSAGE it sends the standard input as one message.

  --stream NAME           the stream
  --event TYPE            the event type
  --key KEY               the idempotency key (default: a random one, so that a retry sends nothing twice)
  --ndjson                sends each line of the standard input as one event, as soon as it comes:
                          {"stream":"orders","data":"two coffees","event":"created","idempotencyKey":"order-1"}
  --token TOKEN           the token of the option publishToken (default: the variable SSER_PUBLISH_TOKEN)
  --header 'Name: value'  adds a header to each request, such as a cookie; may be repeated
  --retries N             how often a request without an answer, or with 502, 503 or 504, is sent again
                          (default 3; with --ndjson 0, because lines without an idempotencyKey could be sent twice)
  --json                  prints the answer of each request as one line of JSON
  --help                  prints this text

Exit codes: 0 sent, and every Pod has it; 3 sent, but not every Pod has confirmed it; 1 not sent, or not all of it;
2 wrong usage; 130 and 143 ended by a signal.
`

const OPTIONS = {
  ...SHARED_OPTIONS,
  event: { type: 'string' },
  key: { type: 'string' },
  ndjson: { type: 'boolean', default: false },
  retries: { type: 'string' },
} as const

/** Maximum number of lines in one request. */
const MAX_LINES = 1_000
const RETRY_MS = 500
const RETRIED = [502, 503, 504]
const EXAMPLE = 'https://shop.example/publish'

interface Receipt {
  id: string
  duplicate: boolean
  connections: number
  peers: { peer: string; status: string; reason?: string }[]
}

interface Answer extends Partial<Receipt> {
  error?: { code: string; message: string }
  sent?: number
  results?: { line: number; receipt?: Receipt; error?: { code: string; message: string } }[]
}

interface Request {
  url: URL
  body: string
  headers: Headers
}

/** Runs `sser send`; resolves with the exit code. */
export async function send(args: readonly string[], io: CommandIo): Promise<number> {
  let command: ReturnType<typeof read>
  try {
    command = read(args, io)
  } catch (error) {
    io.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
    return EXIT.usage
  }
  if (command === undefined) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  try {
    return await (command.isNdjson ? sendLines(command, io) : sendMessage(command, io))
  } catch (error) {
    if (io.signal.aborted) return exitCodeOf(io.signal)
    io.stderr.write(`${reasonOf(error)}\n`)
    return EXIT.failed
  }
}

/** @throws Error in one line */
function read(args: readonly string[], { env, stdin }: CommandIo) {
  const { values, positionals } = parseArguments(args, OPTIONS)
  if (values.help) return undefined
  const [address, message, ...others] = positionals
  const url = readUrl(address, EXAMPLE)
  if (others.length > 0) throw new Error(`expected one message; put it in quotes, got "${others[0]}" as well`)
  const { stream: streams, event, key, ndjson } = values
  const [stream] = streams
  const misplaced =
    ndjson && (message !== undefined || event !== undefined || key !== undefined || stream !== undefined)
  if (misplaced)
    throw new Error(
      '--ndjson: the lines name the stream, the event type and the key; remove the other options',
    )
  if (!ndjson && (stream === undefined || streams.length > 1))
    throw new Error(`expected one --stream NAME, got ${streams.length}`)
  if (message === undefined && stdin.isTTY === true && !ndjson)
    throw new Error('expected a message, or one on the standard input')
  const retries = values.retries ?? (ndjson ? '0' : '3')
  if (!/^\d{1,3}$/.test(retries))
    throw new Error(`--retries: expected a whole number up to 999, got "${retries}"`)
  if (stream !== undefined) url.searchParams.set('stream', stream)
  if (event !== undefined) url.searchParams.set('event', event)
  const headers = readHeaders(values.header, values.token ?? env.SSER_PUBLISH_TOKEN)
  return { url, headers, message, key, isNdjson: ndjson, isJson: values.json, retries: Number(retries) }
}

type Command = NonNullable<ReturnType<typeof read>>

async function sendMessage(command: Command, io: CommandIo): Promise<number> {
  const { url, headers, key, message } = command
  headers.set('content-type', 'text/plain; charset=utf-8')
  headers.set('idempotency-key', key ?? crypto.randomUUID())
  const body = message ?? (await textOf(io.stdin)).replace(/\r?\n$/, '')
  const { status, answer } = await post({ url, headers, body }, command, io)
  if (command.isJson) io.stdout.write(`${JSON.stringify(answer)}\n`)
  if (answer.error !== undefined || status >= 400) {
    io.stderr.write(`${failure(status, answer, command)}\n`)
    return EXIT.failed
  }
  if (!command.isJson) io.stdout.write(shown(io, sentence(answer as Receipt)))
  return isConfirmed(answer as Receipt) ? EXIT.ok : EXIT.unconfirmed
}

/** Sends the lines that have come, in one request, while the next ones come. */
async function sendLines(command: Command, io: CommandIo): Promise<number> {
  command.headers.set('content-type', 'application/x-ndjson')
  let [sent, first, rest] = [0, 0, '']
  let exitCode: number = EXIT.ok
  /** Returns false where a line was not sent: the lines after it are not sent either. */
  const flush = async (lines: string[]): Promise<boolean> => {
    for (let start = 0; start < lines.length; start += MAX_LINES) {
      const some = lines.slice(start, start + MAX_LINES)
      const isEmpty = some.every((line) => line.trim() === '')
      const { url, headers } = command
      const before = first
      first += some.length
      if (isEmpty) continue
      const { status, answer } = await post({ url, headers, body: some.join('\n') }, command, io)
      if (command.isJson) io.stdout.write(`${JSON.stringify(answer)}\n`)
      sent += answer.sent ?? 0
      const results = answer.results ?? []
      if (results.some(({ receipt }) => receipt !== undefined && !isConfirmed(receipt)))
        exitCode = EXIT.unconfirmed
      for (const { line, error } of results)
        if (error !== undefined)
          io.stderr.write(shown(io, `line ${before + line}: ${error.message} (${error.code})\n`))
      if (status < 400 && answer.error === undefined) continue
      if (results.length === 0) io.stderr.write(`${failure(status, answer, command)}\n`)
      exitCode = EXIT.failed
      return false
    }
    return true
  }
  const decoder = new TextDecoder()
  let isGoing = true
  for await (const chunk of io.stdin) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() as string
    isGoing = await flush(lines)
    if (!isGoing || io.signal.aborted) break
  }
  if (isGoing && rest !== '') await flush([rest])
  if (!command.isJson) io.stdout.write(`sent ${sent} ${sent === 1 ? 'event' : 'events'}\n`)
  return io.signal.aborted ? exitCodeOf(io.signal) : exitCode
}

/** Sends a request, again where no answer came, or that of a proxy without a Pod or of a Pod that starts or stops. */
async function post(
  { url, body, headers }: Request,
  { retries }: Command,
  { signal, stderr }: CommandIo,
): Promise<{ status: number; answer: Answer }> {
  for (let attempt = 0; ; attempt += 1) {
    const isLast = attempt >= retries
    let problem: string
    try {
      const response = await fetch(url, { method: 'POST', body, headers, signal })
      const text = await response.text()
      if (isLast || !RETRIED.includes(response.status))
        return { status: response.status, answer: parse(text) }
      problem = `HTTP ${response.status}`
    } catch (error) {
      if (signal.aborted || isLast) throw error
      problem = reasonOf(error)
    }
    stderr.write(`${problem}: sends it again (${attempt + 1} of ${retries})\n`)
    await wait(RETRY_MS * 2 ** Math.min(attempt, 5), undefined, { signal })
  }
}

/** The answer of the publish routes, or an error that has the text of another program, such as a proxy. */
function parse(text: string): Answer {
  try {
    const answer = JSON.parse(text) as Partial<Answer> | null
    const isError = typeof answer?.error?.code === 'string'
    if (isError || Array.isArray(answer?.peers) || Array.isArray(answer?.results)) return answer as Answer
  } catch {
    // Not JSON.
  }
  return { error: { code: 'no-receipt', message: text.trim().slice(0, 200) } }
}

function failure(status: number, { error }: Answer, { url, headers }: Command): string {
  if (error === undefined) return `HTTP ${status}`
  const text = `HTTP ${status}: ${reasonOf(error)} (${error.code})`
  if (error.code === 'no-receipt' && (status < 400 || status === 404 || status === 405))
    return `${text}\nexpected the URL where the app mounts sser.publishRoutes, such as ${EXAMPLE}, got ${printable(url.origin + url.pathname)}`
  if (status === 401 && !headers.has('authorization'))
    return `${text}\npass --token, or set the variable SSER_PUBLISH_TOKEN`
  return text
}

function isConfirmed({ peers }: Receipt): boolean {
  return peers.every(({ status }) => status === 'delivered')
}

function sentence({ id, duplicate, connections, peers }: Receipt): string {
  const delivered = peers.filter(({ status }) => status === 'delivered').length
  const late = peers.filter(({ status }) => status !== 'delivered')
  const lines = late.map(({ peer, status, reason = '' }) => `  ${peer} ${status}: ${reason}\n`)
  const verb = duplicate ? 'sent before as' : 'sent as'
  const others =
    peers.length === 0 ? 'there is no other Pod' : `${delivered} of ${peers.length} other Pods have it`
  const clients = connections === 1 ? '1 client listens' : `${connections} clients listen`
  return `${verb} ${id}: ${others}; ${clients} on this one\n${lines.join('')}`
}

async function textOf(stdin: CommandIo['stdin']): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stdin)
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
