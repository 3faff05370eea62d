/** Upper bounds of the buckets, in milliseconds; one more bucket has the longer durations. */
const BOUNDS_MS: readonly number[] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000]

/** Durations in fixed buckets. */
export class Histogram {
  readonly boundsMs: readonly number[] = BOUNDS_MS
  /** Number of durations in each bucket, not cumulative; the last bucket has those above every bound. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0)
  sumMs = 0

  add(ms: number): void {
    const index = BOUNDS_MS.findIndex((bound) => ms <= bound)
    this.counts[index === -1 ? BOUNDS_MS.length : index]! += 1
    this.sumMs += ms
  }
}
