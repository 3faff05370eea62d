/** What is fed to a surface: text where it takes bytes, else a tree of what it takes. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * One way by which something from outside comes in. To add one: a file in `surfaces/` that exports a `Surface`, and its
 * line in `surfaces.ts`.
 */
export interface Surface<T = unknown> {
  readonly name: string
  /** Valid inputs; what is tried is made of these. */
  readonly corpus: readonly Json[]
  /** Text that means something here, to be put where it does not belong. */
  readonly words?: readonly string[]
  /**
   * Feeds one input in, and returns what came of it. Where there is state, it is made anew: an input that fails must
   * fail alone. What it throws is a failure.
   */
  run(input: Json): T | Promise<T>
  /** What is wrong with what came of it; undefined where nothing is. */
  invariant(result: T, input: Json): string | undefined
}

/** A part of an input, where the surface takes text. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** The fields of a part of an input, whatever that is. */
export function fieldsOf(value: Json | undefined): { [key: string]: Json } {
  return (value ?? {}) as { [key: string]: Json }
}
