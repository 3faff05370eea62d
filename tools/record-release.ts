// node tools/record-release.ts 60efd75: bundles a commit of this repository into test/released/, for fleets of two versions.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The exports of the bundle: a Pod for either runtime, and access to an instance for the simulation. */
const ENTRY = `
export { Sser, StaticPeerFinder } from './src/index.ts'
export { serve as serveBun } from './src/bun.ts'
export { serve as serveNode } from './src/node.ts'
export { serverSideOf } from './src/sser.ts'
`

const [, , commit] = process.argv
if (commit === undefined) throw new Error('usage: node tools/record-release.ts COMMIT')
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sser-release-'))
try {
  const archive = execFileSync('git', ['archive', commit, 'src'], { cwd: root, maxBuffer: 1 << 28 })
  execFileSync('tar', ['x', '-C', folder], { input: archive })
  writeFileSync(join(folder, 'entry.ts'), ENTRY)
  const file = join(root, 'test/released', `${commit}.js`)
  // The folder has no packages, so they stay imports, as they are for the package's users.
  const options = ['entry.ts', '--format', 'esm', '--platform', 'node', '--no-comments', '--file', file]
  execFileSync(join(root, 'node_modules/.bin/rolldown'), options, { cwd: folder, stdio: 'inherit' })
} finally {
  rmSync(folder, { recursive: true })
}
