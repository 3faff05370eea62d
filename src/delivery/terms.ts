import type { Origin } from './origins.ts'

/** On what terms a connection may be here, beside its streams. */
export interface Terms {
  /** What it can be ended by. */
  tags: readonly string[]
  /** When it ends, in this Pod's time. */
  endsAt: number | undefined
  /** Where it comes from, if that is counted. */
  origin: Origin | undefined
}
