/** Streams of one message: `stream` itself, or the first `count` streams with that prefix. */
export function streamNames(stream: string, count: string | undefined): string[] {
  if (count === undefined) return [stream]
  return Array.from({ length: Number(count) }, (_, i) => `${stream}-${i}`)
}
