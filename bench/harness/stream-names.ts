/** The streams that one message goes to: `stream` itself, or the first `count` that begin with it. */
export function streamNames(stream: string, count: string | undefined): string[] {
  if (count === undefined) return [stream]
  return Array.from({ length: Number(count) }, (_, i) => `${stream}-${i}`)
}
