/** Which connections to end: those that listen on the stream, those that have the tag; where both are given, both. */
export interface Selection {
  stream?: string | undefined
  tag?: string | undefined
}

/** Whether a connection on those streams, with those tags, is meant. */
export function isMeant(
  { stream, tag }: Selection,
  streams: readonly string[],
  tags: readonly string[],
): boolean {
  return (stream === undefined || streams.includes(stream)) && (tag === undefined || tags.includes(tag))
}
