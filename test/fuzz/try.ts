import type { Json, Surface } from './surface.ts'

/** What is wrong with what a surface makes of an input; undefined where nothing is. */
export async function faultOf(surface: Surface, input: Json): Promise<string | undefined> {
  try {
    const result = surface.run(input)
    return surface.invariant(result instanceof Promise ? await result : result, input)
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : `threw ${String(error)}`
  }
}
