/** Whether the `Host` header is invalid. Bun's URL is then a path alone, as for HTTP/1.0 without a `Host`. */
export function hasInvalidHost({ url, headers }: Request): boolean {
  return !URL.canParse(url) && headers.has('host')
}

/** The query with its question mark, also of a URL that is a path alone. */
export function searchOf({ url }: Request): string {
  const [whole] = url.split('#', 1) as [string]
  const start = whole.indexOf('?')
  return start === -1 ? '' : whole.slice(start)
}
