import type { Origin } from './origins.ts'

/** Which connections to end: those that listen on the stream, those that have the tag; where both are given, both. */
export interface Selection {
  stream?: string | undefined
  tag?: string | undefined
}

/** On what terms a connection may be here, beside its streams. */
export interface Terms {
  /** What it can be ended by. */
  tags: readonly string[]
  /** When it ends, in this Pod's time. */
  endsAt: number | undefined
  /** Where it comes from, if that is counted. */
  origin: Origin | undefined
}

/** Whether a connection on those streams, with those tags, is meant. */
export function isMeant(
  { stream, tag }: Selection,
  streams: readonly string[],
  tags: readonly string[],
): boolean {
  return (stream === undefined || streams.includes(stream)) && (tag === undefined || tags.includes(tag))
}
