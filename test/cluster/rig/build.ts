// Builds missing programs of the control plane from their Go modules: `npm run build:control-plane`.
// The first run takes about twelve minutes on two cores; later runs build nothing.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Program, pathOf, programs, rigFolder } from './programs.ts'

const kubernetesVersion = '1.36.3'
const etcdVersion = '3.6.16'

/** Linker flag for the version that Kubernetes reports, as its release scripts set it. */
const versionFlag = `-X k8s.io/component-base/version.gitVersion=v${kubernetesVersion}`

function go(folder: string, args: string[]): string {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' }
  const stdio: ('ignore' | 'pipe' | 'inherit')[] = ['ignore', 'pipe', 'inherit']
  return execFileSync('go', args, { cwd: folder, env, stdio, encoding: 'utf8' })
}

/** Creates a Go module in a separate folder, unless an earlier run has. */
function makeModule(name: string, fill: (folder: string) => void): string {
  const folder = join(rigFolder, name)
  const done = join(folder, 'go.sum')
  if (!existsSync(done)) {
    mkdirSync(folder, { recursive: true })
    fill(folder)
    go(folder, ['mod', 'tidy'])
  }
  return folder
}

/**
 * Kubernetes' go.mod requires its staging modules at v0.0.0 and replaces them with its source tree. They are also
 * published, as v0.X.Y for Kubernetes v1.X.Y, so this module replaces each of them with the published version.
 */
function kubernetesModule(folder: string): void {
  const downloaded = go(folder, ['mod', 'download', '-json', `k8s.io/kubernetes@v${kubernetesVersion}`])
  const published = readFileSync(JSON.parse(downloaded).GoMod as string, 'utf8')
  const staging = new Set(Array.from(published.matchAll(/(k8s\.io\/\S+) v0\.0\.0$/gm), (match) => match[1]))
  const stagingVersion = kubernetesVersion.replace(/^1/, 'v0')
  const commands = programs.filter((program) => program !== 'etcd')
  const lines = [
    'module rig',
    'go 1.26.0',
    `require k8s.io/kubernetes v${kubernetesVersion}`,
    ...Array.from(staging, (name) => `replace ${name} => ${name} ${stagingVersion}`),
    ...commands.map((command) => `tool k8s.io/kubernetes/cmd/${command}`),
  ]
  writeFileSync(join(folder, 'go.mod'), `${lines.join('\n')}\n`)
}

function etcdModule(folder: string): void {
  const lines = [
    'module rig',
    'go 1.26.0',
    `require go.etcd.io/etcd/server/v3 v${etcdVersion}`,
    'tool go.etcd.io/etcd/server/v3',
  ]
  writeFileSync(join(folder, 'go.mod'), `${lines.join('\n')}\n`)
}

function build(program: Program): void {
  const [folder, main] =
    program === 'etcd'
      ? [makeModule('etcd', etcdModule), 'go.etcd.io/etcd/server/v3']
      : [makeModule('kubernetes', kubernetesModule), `k8s.io/kubernetes/cmd/${program}`]
  const path = join(rigFolder, 'bin', program)
  // Renamed at the end, because an interrupted build must not leave a file under the name of the program.
  go(folder, ['build', `-ldflags=-s -w ${versionFlag}`, '-o', `${path}.partial`, main])
  renameSync(`${path}.partial`, path)
}

for (const program of programs) {
  if (existsSync(pathOf(program))) continue
  const startedAt = performance.now()
  console.log(`building ${program} …`)
  build(program)
  console.log(`built ${program} in ${Math.round((performance.now() - startedAt) / 1000)} s`)
}
