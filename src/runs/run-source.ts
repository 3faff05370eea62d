import type { Clock } from '../clock.ts'
import { describe, describeValue, SserError } from '../errors.ts'
import type { ErrorReporter } from '../telemetry/error-reporter.ts'
import type { Run } from './run.ts'

/** Texts for a run, in order. */
export type RunSource = AsyncIterable<string> | ReadableStream<string>

export interface PumpOptions {
  clock: Clock
  errors: ErrorReporter
  /** Time without a chunk after which the run fails; undefined: any. */
  maxIdleMs: number | undefined
  /** Readers are told the message of an error of the source. */
  exposeErrors: boolean
}

/**
 * Writes all texts of a source to a run, and ends it: `ended` after the last one, `failed` where the source throws or is idle.
 * It stops reading as soon as the run ends, or its signal aborts.
 */
export function pump(run: Run, source: RunSource, options: PumpOptions): void {
  const iterator = begin(source)
  const idle = new IdleTimer(run, options, () => leave(iterator))
  const stop = () => {
    idle.stop()
    run.end()
    leave(iterator)
  }
  run.signal.addEventListener('abort', stop, { once: true })
  void read(run, iterator, options, idle).finally(() => {
    run.signal.removeEventListener('abort', stop)
    idle.stop()
  })
}

async function read(
  run: Run,
  iterator: AsyncIterator<string>,
  { errors, exposeErrors }: PumpOptions,
  idle: IdleTimer,
): Promise<void> {
  try {
    for (;;) {
      const result = await iterator.next()
      if (run.state !== 'running') return
      if (result.done === true) return run.end()
      idle.touch()
      // A model's stream has empty texts, for example around a call of a tool.
      if (result.value !== '') run.write(textOf(result.value))
    }
  } catch (error) {
    if (run.state !== 'running') return
    errors.report(error, { stage: 'run' })
    run.fail(exposeErrors ? describe(error) : undefined)
    leave(iterator)
  }
}

/** Tells a source that no more of it is read. A generator that waits for its next value returns only after that. */
function leave(iterator: AsyncIterator<string>): void {
  void (async () => iterator.return?.())().catch(() => {})
}

/** Fails the run when its source gives nothing for too long. One timer at a time, whatever the number of chunks. */
class IdleTimer {
  readonly #run: Run
  readonly #options: PumpOptions
  readonly #onIdle: () => void
  #touchedAt: number
  #cancel: (() => void) | undefined

  constructor(run: Run, options: PumpOptions, onIdle: () => void) {
    this.#run = run
    this.#onIdle = onIdle
    this.#options = options
    this.#touchedAt = options.clock.now()
    if (options.maxIdleMs !== undefined) this.#arm(options.maxIdleMs, options.maxIdleMs)
  }

  touch(): void {
    if (this.#cancel !== undefined) this.#touchedAt = this.#options.clock.now()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #arm(ms: number, maxIdleMs: number): void {
    const { clock, errors } = this.#options
    this.#cancel = clock.after(ms, () => {
      const leftMs = this.#touchedAt + maxIdleMs - clock.now()
      if (leftMs > 0) return this.#arm(leftMs, maxIdleMs)
      this.#cancel = undefined
      const name = describeValue(this.#run.name)
      errors.report(
        new SserError(
          'run-failed',
          `The source of the run ${name} gave nothing for ${maxIdleMs} ms (maxIdleMs)`,
        ),
        { stage: 'run' },
      )
      this.#run.fail('idle')
      this.#onIdle()
    })
  }
}

/** The texts of a source; where it cannot be read, an iterator that says why. */
function begin(source: RunSource): AsyncIterator<string> {
  try {
    return iterate(source)
  } catch (error) {
    return { next: () => Promise.reject(error) }
  }
}

/** @throws SserError where a source gives something else than text */
function textOf(value: string): string {
  if (typeof value === 'string') return value
  const fix = ArrayBuffer.isView(value)
    ? 'for bytes, pass stream.pipeThrough(new TextDecoderStream())'
    : 'for other values, map them to strings'
  throw new SserError(
    'invalid-message',
    `startRun(): option "from": expected a source of strings, which gave ${describeValue(value)}; ${fix}`,
  )
}

function iterate(source: RunSource): AsyncIterator<string> {
  if (!('getReader' in source)) return source[Symbol.asyncIterator]()
  // A reader cancels its stream at once; the iterator of a stream does so only after a pending read.
  const reader = source.getReader()
  return {
    next: () => reader.read() as Promise<IteratorResult<string>>,
    return: () => reader.cancel().then(() => ({ done: true, value: undefined })),
  }
}
