/** Input of a surface: text if the surface reads bytes, else a tree of values. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * One way by which something from outside comes in. To add one: a file in `surfaces/` that exports a `Surface`, and its
 * line in `surfaces.ts`.
 */
export interface Surface<T = unknown> {
  readonly name: string
  /** Valid inputs, from which the fuzzer makes others. */
  readonly corpus: readonly Json[]
  /** Text that means something here, to be put where it does not belong. */
  readonly words?: readonly string[]
  /**
   * Runs one input and returns the result. It makes any state anew, because an input that fails must also fail alone.
   * An error that it throws is a failure.
   */
  run(input: Json): T | Promise<T>
  /** The fault of a result; undefined if there is none. */
  invariant(result: T, input: Json): string | undefined
}

/** A part of an input, where the surface takes text. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** The fields of a part of an input, of any type. */
export function fieldsOf(value: Json | undefined): { [key: string]: Json } {
  return (value ?? {}) as { [key: string]: Json }
}
