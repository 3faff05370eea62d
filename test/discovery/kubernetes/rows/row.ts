import type { KubernetesPeerFinderOptions } from '../../../../src/kubernetes.ts'
import { World } from '../world.ts'

/** One behaviour of a finder: to be run by Vitest on Node, and by a process of Bun. */
export interface Row {
  behaviour: string
  /** Rejects unless the finder behaves. */
  run(): Promise<void>
}

/** One thing that goes wrong in a world of its own, and what the finder makes of it. */
export interface FaultRow {
  behaviour: string
  options?: Partial<KubernetesPeerFinderOptions>
  run(world: World): Promise<void>
}

export function inWorlds(rows: readonly FaultRow[]): Row[] {
  return rows.map(({ behaviour, options, run }) => ({
    behaviour,
    async run() {
      const world = await World.create(options)
      try {
        await run(world)
      } finally {
        await world.end()
      }
    },
  }))
}
