import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'

/** Imported by the client when a page shares its connection. */
const SHARING = './share/open.ts'

const folder = mkdtempSync(join(tmpdir(), 'sser-size-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Bytes of an entry point as a browser loads it: bundled, minified, compressed. */
function compressedBytes(entry: string, ...external: string[]): number {
  const file = join(folder, 'bundle.js')
  const options = ['--minify', '--format', 'esm', '--platform', 'browser', '--file', file]
  execFileSync(join('node_modules', '.bin', 'rolldown'), [
    entry,
    ...options,
    ...external.flatMap((name) => ['--external', name]),
  ])
  return brotliCompressSync(readFileSync(file)).length
}

describe('the size of the browser client', () => {
  it('is at most 6.25 KB, compressed, without the part for sharing, which is loaded apart', () => {
    expect(compressedBytes('src/client.ts', SHARING)).toBeLessThanOrEqual(6_400)
  })
})
