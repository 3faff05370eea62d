import type { KubernetesPeerFinderOptions } from '../../../src/kubernetes.ts'
import type { World } from '../world.ts'

/** One thing that goes wrong, and what the finder makes of it: run by Vitest on Node, and by a process of Bun. */
export interface Row {
  behaviour: string
  options?: Partial<KubernetesPeerFinderOptions>
  /** Rejects unless the finder behaves. */
  run(world: World): Promise<void>
}
