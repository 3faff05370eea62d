const NOT_WANTED = /;\s*q=0(?:\.0*)?\s*(?:;|$)/

/**
 * Returns whether the header `Accept` allows an event stream. Searches for three media ranges instead of splitting the
 * header, which may have 16 KB of commas.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-accept
 */
export function acceptsEventStream(accept: string | null): boolean {
  if (accept === null || accept.trim() === '') return true
  const ranges = accept.toLowerCase()
  // The most specific range decides.
  for (const wanted of ['text/event-stream', 'text/*', '*/*']) {
    const parameters = parametersOf(ranges, wanted)
    if (parameters !== undefined) return !NOT_WANTED.test(parameters)
  }
  return false
}

const ONLY_EVENT_STREAM = /^[ \t]*text\/event-stream[ \t]*(?:;[^,]*)?$/i

/**
 * Returns whether `text/event-stream` is the only media range of the header `Accept`, as in the requests of an
 * `EventSource`. A client with another range, or without the header, can be expected to read the status of a response.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 */
export function acceptsOnlyEventStream(accept: string | null): boolean {
  return accept !== null && ONLY_EVENT_STREAM.test(accept)
}

/** The parameters of the first range with this type; undefined where the header has none. */
function parametersOf(ranges: string, type: string): string | undefined {
  for (let at = ranges.indexOf(type); at !== -1; at = ranges.indexOf(type, at + 1)) {
    const after = at + type.length
    if (!isStart(ranges, at) || !isEnd(ranges, after)) continue
    const comma = ranges.indexOf(',', after)
    return ranges.slice(after, comma === -1 ? undefined : comma)
  }
  return undefined
}

/** Returns whether only white space precedes `at`, back to the comma or the start of the header. */
function isStart(ranges: string, at: number): boolean {
  let i = at - 1
  while (ranges[i] === ' ' || ranges[i] === '\t') i -= 1
  return i < 0 || ranges[i] === ','
}

function isEnd(ranges: string, at: number): boolean {
  let i = at
  while (ranges[i] === ' ' || ranges[i] === '\t') i += 1
  return i === ranges.length || ranges[i] === ',' || ranges[i] === ';'
}
