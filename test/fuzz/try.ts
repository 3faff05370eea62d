import type { Json, Surface } from './surface.ts'

/** The fault that an input causes in a surface; undefined if there is none. */
export async function faultOf(surface: Surface, input: Json): Promise<string | undefined> {
  try {
    const result = surface.run(input)
    return surface.invariant(result instanceof Promise ? await result : result, input)
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}`
  }
}
