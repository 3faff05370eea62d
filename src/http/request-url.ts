/** Whether the request names a host that is none: Bun's URL is then a path alone, as it is for HTTP/1.0 without a `Host`. */
export function hasInvalidHost({ url, headers }: Request): boolean {
  return !URL.canParse(url) && headers.has('host')
}

/** The query, from the question mark on; also of a URL that is a path alone. */
export function searchOf({ url }: Request): string {
  const [whole] = url.split('#', 1) as [string]
  const start = whole.indexOf('?')
  return start === -1 ? '' : whole.slice(start)
}
