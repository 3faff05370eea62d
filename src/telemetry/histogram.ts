/** The upper bounds of the buckets, in milliseconds; whatever took longer is in one more. */
const BOUNDS_MS: readonly number[] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000]

/** How long things took, in fixed buckets. */
export class Histogram {
  readonly boundsMs: readonly number[] = BOUNDS_MS
  /** How many fell into each bucket and no lower one; the last has what is above every bound. */
  readonly counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0)
  sumMs = 0

  add(ms: number): void {
    const index = BOUNDS_MS.findIndex((bound) => ms <= bound)
    this.counts[index === -1 ? BOUNDS_MS.length : index]! += 1
    this.sumMs += ms
  }
}
