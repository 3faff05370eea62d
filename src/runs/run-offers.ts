import type { RunSummary } from '../wire/run-messages.ts'

/** What a peer that was asked has of a run. */
export interface Offer {
  readonly epoch: string
  readonly summary: RunSummary
}

/** The source of a run that the offers suggest, for a copy that lacks the chunks from `next` on. */
export interface Choice {
  /** The peer that has most from there on. */
  readonly best: string | undefined
  /** The first chunk that any peer has, where none has the next one. */
  readonly floor: number | undefined
  /** The peer that has this chunk. */
  readonly floorEpoch: string | undefined
  /** The peer that has as much as this Pod, and may get more. */
  readonly equal: string | undefined
}

/** Chooses the source of a run among peers. `floor`: the first chunk that the producer has. */
export function chooseSource(offers: readonly Offer[], next: number, floor: number | undefined): Choice {
  let best: Offer | undefined
  let lowest: Offer | undefined
  let most: Offer | undefined
  for (const offer of offers) {
    const { summary } = offer
    if (summary.next > (most?.summary.next ?? -1)) most = offer
    if (summary.next <= next) continue
    if (summary.first > next) {
      if (summary.first < (lowest?.summary.first ?? Number.POSITIVE_INFINITY)) lowest = offer
    } else if (summary.next > (best?.summary.next ?? 0)) best = offer
  }
  const floors = [lowest?.summary.first, floor].filter((first) => first !== undefined)
  return {
    best: best?.epoch,
    floor: floors.length === 0 ? undefined : Math.min(...floors),
    floorEpoch: lowest?.epoch,
    equal: most?.epoch,
  }
}
