import { SserError } from '../errors.ts'

/** How a client learns the stream of an event: as the event's type where `send()` gave none, or as a field `stream:`. */
export type Label = 'event' | 'field'

/**
 * `plain`: `data:` lines have messages of the app alone. The server's own blocks are comments, because some readers parse
 * every `data:` as JSON of the app.
 */
export type Dialect = 'standard' | 'plain'

/** How the frames of a connection are written. There is one object for each combination, so that connections share chunks. */
export interface FrameFormat {
  /** Different for each format; a prefix of no stream name, because it is empty or begins with a control character. */
  readonly key: string
  readonly isPlain: boolean
  /** The frame of an event, from its frame in the {@link STANDARD} format. */
  event(frame: string, stream: string, type: string | undefined): string
  /** A block of the server's own, from the block in the {@link STANDARD} format. */
  own(block: string): string
}

const OWN_BLOCK = /^event: (.*)\n(retry: .*\n)?data: (.*)\n/

/**
 * The comment `: NAME DATA` in place of an event, without a blank line: several client libraries turn a comment before a
 * blank line into a message without data. `id:` and `retry:` have an effect without it.
 */
function asComment(block: string): string {
  return block.replace(OWN_BLOCK, ': $1 $3\n$2').slice(0, -1)
}

const LABELS: Record<Label, FrameFormat['event']> = {
  event: (frame, stream, type) => (type === undefined ? `event: ${stream}\n${frame}` : frame),
  field: (frame, stream) => `stream: ${stream}\n${frame}`,
}

function format(dialect: Dialect, label: Label | undefined): FrameFormat {
  const isPlain = dialect === 'plain'
  return {
    key: isPlain || label !== undefined ? `\u0001${dialect} ${label}\n` : '',
    isPlain,
    event: label === undefined ? (frame) => frame : LABELS[label],
    own: isPlain ? asComment : (block) => block,
  }
}

const FORMATS: Record<Dialect, Record<Label | 'none', FrameFormat>> = {
  standard: {
    none: format('standard', undefined),
    event: format('standard', 'event'),
    field: format('standard', 'field'),
  },
  plain: {
    none: format('plain', undefined),
    event: format('plain', 'event'),
    field: format('plain', 'field'),
  },
}

/** The format of a connection that asks for no other. */
export const STANDARD: FrameFormat = FORMATS.standard.none

/** The format of a dialect and a label. */
export function frameFormat(dialect: Dialect, label?: Label): FrameFormat {
  return FORMATS[dialect][label ?? 'none']
}

/** Types of the events that `EventSource` itself dispatches: a listener for them would receive both. */
const NATIVE_EVENTS: readonly string[] = ['error', 'open']

/** Returns the error where a connection with `label` cannot have one of `streams`. */
export function validateLabel(label: Label | undefined, streams: readonly string[]): SserError | undefined {
  if (label !== 'event') return undefined
  const name = streams.find((stream) => NATIVE_EVENTS.includes(stream) || stream.startsWith('sser-'))
  if (name === undefined) return undefined
  return new SserError(
    'invalid-parameter',
    `The parameter "label" of the URL: a stream named ${JSON.stringify(name)} cannot be the type of an event, because EventSource or this server has events of that name; use label=field, or another name`,
  )
}
