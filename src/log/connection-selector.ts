/** Selects the connections that `disconnect()` closes: by stream, by tag, or by both. */
export interface ConnectionSelector {
  /** Selects connections with this stream. */
  stream?: string | undefined
  /** Selects connections with this tag, which `authorize` has granted. */
  tag?: string | undefined
}

/** Whether a connection with these streams and tags has the selector's stream and tag, as far as it names them. */
export function matches(
  { stream, tag }: ConnectionSelector,
  streams: readonly string[],
  tags: readonly string[],
): boolean {
  return (stream === undefined || streams.includes(stream)) && (tag === undefined || tags.includes(tag))
}
