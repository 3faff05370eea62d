// The package that a process measures: the source of this checkout, or of another one, such as an older commit.

/** Environment variable with the folder of another checkout. */
const VARIABLE = 'SSER_BENCH_SOURCE'

const folder = process.env[VARIABLE] ?? new URL('../..', import.meta.url).pathname

export const { Sser, StaticPeerFinder } = (await import(
  `${folder}/src/index.ts`
)) as typeof import('../../src/index.ts')

/** `serve()` of this runtime. */
export const { serve } = (await import(
  `${folder}/src/${process.versions.bun === undefined ? 'node' : 'bun'}.ts`
)) as typeof import('../../src/node.ts')

/** Environment of a process that measures the checkout in `folder`. */
export function sourceEnv(folder: string): Record<string, string> {
  return { [VARIABLE]: folder }
}
