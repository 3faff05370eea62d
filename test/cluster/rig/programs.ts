import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the rig's programs are built, and where a run keeps its data. Git ignores it. */
export const rigFolder = fileURLToPath(new URL('../../../.rig/', import.meta.url))

export const programs = [
  'kube-apiserver',
  'kube-scheduler',
  'kube-controller-manager',
  'kubectl',
  'etcd',
] as const

export type Program = (typeof programs)[number]

/** The path of a program: from `KUBEBUILDER_ASSETS` where that has it, else where `build.ts` puts it. */
export function pathOf(program: Program): string {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  if (assets) {
    const given = join(assets, program)
    if (existsSync(given)) return given
  }
  return join(rigFolder, 'bin', program)
}
