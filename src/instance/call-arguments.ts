import { isUnixMs, UNIX_MS } from '../clock.ts'
import { describeValue, SserError, suggestion } from '../errors.ts'
import { hasMethods, isObject } from '../validation.ts'
import { isTags, TAGS, validateStreamName } from '../wire/names.ts'

/** Expected value of an option, and whether a value is one. */
type Expectation = readonly [expected: string, isExpected: (value: unknown) => boolean]

const SIGNAL: Expectation = [
  'an AbortSignal',
  (value) => hasMethods(value, ['throwIfAborted', 'addEventListener']),
]
const SCHEMA: Expectation = [
  'a Standard Schema, such as one of Zod, Valibot or ArkType',
  (value) => hasMethods((value as { '~standard'?: unknown } | null)?.['~standard'], ['validate']),
]
const CALLBACK: Expectation = ['a function', (value) => typeof value === 'function']
const COUNT: Expectation = [
  'a whole number, 0 or more',
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
]
const DIALECT: Expectation = ['"standard" or "plain"', (value) => value === 'standard' || value === 'plain']
const FLAG: Expectation = ['true or false', (value) => typeof value === 'boolean']
const DURATION: Expectation = [
  'a whole number of milliseconds, 1 or more',
  (value) => Number.isSafeInteger(value) && Number(value) >= 1,
]
const SOURCE: Expectation = [
  'an async iterable or a ReadableStream of strings',
  (value) =>
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || 'getReader' in value),
]
/** Options of `startRun()` without effect for a run that the application writes itself. */
const OPTIONS_OF_FROM = ['maxIdleMs', 'exposeErrors'] as const
const CHUNK_ID: Expectation = ['the id of a chunk', (value) => typeof value === 'string']
const TAG_LIST: Expectation = [TAGS, isTags]
const TIME: Expectation = [UNIX_MS, isUnixMs]
const RUN_FROM: Expectation = ['"start" or "now"', (value) => value === 'start' || value === 'now']
/** For options that another module validates. */
const ANY: Expectation = ['a value', () => true]

const SEND_OPTIONS = { event: ANY, idempotencyKey: ANY, traceparent: ANY, signal: SIGNAL }

/** Returns the error where `options` are not options of `send()`. */
export function checkSendOptions(options: object): SserError | undefined {
  return checkOptions('send()', options, SEND_OPTIONS, "{ event: 'created' }")
}

/** Returns the error where `selector` and `options` are not arguments of `disconnect()`. */
export function checkSelector(selector: object, options: object): SserError | undefined {
  const fault =
    checkNames(
      'disconnect()',
      'selector',
      selector,
      ['stream', 'tag'],
      'a selector such as { stream } or { tag }',
    ) ?? checkOptions('disconnect()', options, { signal: SIGNAL }, '{ signal }')
  if (fault !== undefined) return fault
  const { stream, tag } = selector as { stream?: unknown; tag?: unknown }
  if (stream !== undefined || tag !== undefined) return undefined
  return new SserError('empty-selector', 'disconnect(): expected a stream, a tag, or both, got neither')
}

/** Returns the error where `options` are not options of `endpoint()`. */
export function checkEndpointOptions(options: object): SserError | undefined {
  return checkOptions('endpoint()', options, { dialect: DIALECT }, "{ dialect: 'plain' }")
}

/** Returns the error where `options` are not options of `start()`. */
export function checkStartOptions(options: object): SserError | undefined {
  return checkOptions('start()', options, { signal: SIGNAL }, '{ signal }')
}

/** Returns the error where `options` are not options of `subscribe()`; their `after` is checked elsewhere. */
export function checkSubscribeOptions(options: object): SserError | undefined {
  return checkOptions('subscribe()', options, { after: ANY, signal: SIGNAL }, '{ after: lastId }')
}

/** Returns the error where `options` are not options of `stream()`. */
export function checkStreamOptions(options: object): SserError | undefined {
  const [, isSchema] = SCHEMA
  if (isSchema(options))
    return invalid('stream(): expected options such as { schema }, got the schema itself')
  return checkOptions('stream()', options, { schema: SCHEMA }, '{ schema }')
}

/** Returns the error where `options` are not options of `stop()`. */
export function checkStopOptions(options: object): SserError | undefined {
  return checkOptions('stop()', options, { beforeFlush: CALLBACK }, '{ beforeFlush: () => server.close() }')
}

/** Returns the error where `options` are not options of `stats()`. */
export function checkStatsOptions(options: object): SserError | undefined {
  return checkOptions('stats()', options, { largestStreams: COUNT }, '{ largestStreams: 10 }')
}

/** Returns the error where `options` are not options of `startRun()`. */
export function checkStartRunOptions(options: object): SserError | undefined {
  const expectations = {
    from: SOURCE,
    replace: FLAG,
    signal: SIGNAL,
    maxIdleMs: DURATION,
    exposeErrors: FLAG,
  }
  return checkOptions('startRun()', options, expectations, '{ from: stream }') ?? checkFrom(options)
}

function checkFrom(options: { from?: object } & { [Name in (typeof OPTIONS_OF_FROM)[number]]?: unknown }) {
  const { from } = options
  if (from !== undefined && 'locked' in from && from.locked === true)
    return invalid(
      'startRun(): option "from": expected a stream that nothing else reads, got one that is locked: pass one branch of stream.tee()',
    )
  const name = OPTIONS_OF_FROM.find((each) => options[each] !== undefined)
  if (from !== undefined || name === undefined) return undefined
  return invalid(`startRun(): option "${name}": expected the option "from" beside it, which it applies to`)
}

/** Returns the error where `name`, an argument of `call`, is not the name of a run. */
export function checkRunName(call: string, name: unknown): SserError | undefined {
  if (typeof name === 'string') return validateStreamName(name)
  const isRun = isObject(name) && typeof (name as { name?: unknown }).name === 'string'
  const fix = isRun ? '; pass its name, run.name' : ''
  return new SserError(
    'invalid-stream-name',
    `${call}: expected the name of a run as a string, got ${describeValue(name)}${fix}`,
  )
}

/** Returns the error where `options` are not options of `call`, which reads a run. */
export function checkReadRunOptions(call: string, options: object): SserError | undefined {
  return checkOptions(call, options, { after: CHUNK_ID, from: RUN_FROM, signal: SIGNAL }, '{ after: lastId }')
}

/** Returns the error where `options` are not options of `runResponse()`; their `headers` are checked elsewhere. */
export function checkRunResponseOptions(options: object): SserError | undefined {
  const expectations = {
    dialect: DIALECT,
    headers: ANY,
    from: RUN_FROM,
    tags: TAG_LIST,
    expiresAt: TIME,
    env: ANY,
  }
  return checkOptions('runResponse()', options, expectations, "{ dialect: 'plain' }")
}

/** Returns the error where `options` are not options of `cancelRun()`. */
export function checkCancelRunOptions(options: object): SserError | undefined {
  return checkOptions('cancelRun()', options, { signal: SIGNAL }, '{ signal }')
}

function checkOptions(
  call: string,
  options: object,
  expectations: Readonly<Record<string, Expectation>>,
  example: string,
): SserError | undefined {
  // Every event is sent with options, so the texts of errors are made only for an error.
  if (!isObject(options) || !hasOnly(options, expectations))
    return checkNames(call, 'option', options, Object.keys(expectations), `options such as ${example}`)
  for (const name in options) {
    const value = (options as Record<string, unknown>)[name]
    const [expected, isExpected] = expectations[name] as Expectation
    if (value !== undefined && !isExpected(value))
      return invalid(`${call}: option "${name}": expected ${expected}, got ${describeValue(value)}`)
  }
  return undefined
}

function hasOnly(options: object, expectations: object): boolean {
  for (const name in options) if (!Object.hasOwn(expectations, name)) return false
  return true
}

function checkNames(
  call: string,
  noun: string,
  value: object,
  names: readonly string[],
  expected: string,
): SserError | undefined {
  if (!isObject(value)) return invalid(`${call}: expected ${expected}, got ${describeValue(value)}`)
  for (const name in value) {
    if (!names.includes(name))
      return invalid(`${call}: there is no ${noun} ${describeValue(name)}${suggestion(name, names)}`)
  }
  return undefined
}

function invalid(message: string): SserError {
  return new SserError('invalid-argument', message)
}
