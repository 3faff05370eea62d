import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readExample } from './support/manifests.ts'

const PEER_SECRET = 'known to the Pods of the test'
const ROOT = fileURLToPath(new URL('../', import.meta.url))

describe.each(['node', 'bun'])('%s.Dockerfile', (runtime) => {
  const text = readExample(`${runtime}.Dockerfile`)
  const [, build = '', final = ''] = text.split(/^FROM /m)

  test('runs as a numeric user, and receives SIGTERM', () => {
    expect(text.match(/^FROM \S+/gm)?.every((from) => /:\d+(-slim)?$/.test(from))).toBe(true)
    expect(final).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m)
    expect(final).toMatch(/^ENTRYPOINT \[".+"\]$/m)
    expect(final).toMatch(/^EXPOSE 8000 7000$/m)
  })

  test('copies only the files that it names', () => {
    for (const [, copied = ''] of build.matchAll(/^COPY (.+) \S+$/gm)) {
      expect(copied).toMatch(
        /^(?:package\.json package-lock\.json|tsconfig\.json tsconfig\.base\.json|src|examples\/kubernetes\/server\.ts)$/,
      )
    }
    expect(text).not.toMatch(/^(?:ADD|ARG) /m)
  })

  test('builds one file that runs without any package', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sser-bundle-'))
    try {
      const [, command = ''] = /^RUN (?:npx )?(bun build .+)$/m.exec(build) ?? []
      const [, file = ''] = /--outfile=(\S+)/.exec(command) ?? []
      const [, entrypoint = ''] = /^ENTRYPOINT (.+)$/m.exec(final) ?? []
      expect(JSON.parse(entrypoint)).toEqual([runtime, file])
      const [bun = '', ...args] = command.replace(file, join(folder, file)).split(' ')
      await outputOf(bun, args, ROOT)
      // Here is no cluster, and it says so: everything that it needs was there.
      const output = await outputOf(runtime, [file], folder).catch(({ message }: Error) => message)
      expect(output).toContain('Not in a cluster')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** Output of a program; rejects with it unless the program exits with 0. Knows no cluster. */
function outputOf(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { PATH } = process.env
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, timeout: 80_000, env: { PATH, HOME: cwd, PEER_SECRET } },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout + stderr)
        else reject(new Error(stdout + stderr || error.message))
      },
    )
  })
}
