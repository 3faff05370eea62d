import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os'
import { programPath } from './program-path.ts'

/** The machine and the versions of a measurement, one fact a line, without the name of the machine. */
export function machine(): string[] {
  return [
    `${availableParallelism()} cores of ${cpus()[0]?.model ?? 'an unknown CPU'} (${arch()}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    `Linux ${release()}`,
    `Node ${process.versions.node}, Bun ${installed('bun')}`,
    `hono ${installed('hono')}, @hono/node-server ${installed('@hono/node-server')}, better-sse ${installed('better-sse')}`,
    ...version('nginx', ['-v']),
    ...version('cc', ['--version']),
  ]
}

function installed(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** The first line of a program's version output, if it is installed. */
function version(name: string, args: readonly string[]): string[] {
  const path = programPath(name)
  if (path === undefined) return []
  // nginx prints its version to stderr.
  const command = `"${path}" ${args.join(' ')} 2>&1`
  return [execFileSync('sh', ['-c', command], { encoding: 'utf8' }).split('\n')[0] as string]
}
