import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of the built programs, and of the data of a run. Git ignores it. */
export const rigFolder = fileURLToPath(new URL('../../../.rig/', import.meta.url))

export const programs = [
  'kube-apiserver',
  'kube-scheduler',
  'kube-controller-manager',
  'kubectl',
  'etcd',
] as const

export type Program = (typeof programs)[number]

/** Path of a program: in `KUBEBUILDER_ASSETS` if it exists there, else in the output folder of `build.ts`. */
export function pathOf(program: Program): string {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  if (assets) {
    const given = join(assets, program)
    if (existsSync(given)) return given
  }
  return join(rigFolder, 'bin', program)
}
