import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'sser-size-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Bytes of a page's code as a browser loads it at once: bundled, minified, compressed, without the parts on demand. */
function compressedBytes(code: string): number {
  const entry = join(folder, 'page.ts')
  const output = join(folder, 'output')
  writeFileSync(
    entry,
    code.replaceAll(/'(\.[^']+)'/g, (_, path) => JSON.stringify(resolve(path))),
  )
  const options = [
    '--minify',
    '--format',
    'esm',
    '--platform',
    'browser',
    '--external',
    'react',
    '--dir',
    output,
  ]
  execFileSync(join('node_modules', '.bin', 'rolldown'), [entry, ...options])
  const loaded = new Set(['page.js'])
  let text = ''
  for (const name of loaded) {
    const chunk = readFileSync(join(output, name), 'utf8')
    for (const [, other] of chunk.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) loaded.add(other as string)
    text += chunk
  }
  rmSync(output, { recursive: true })
  return brotliCompressSync(text).length
}

describe('the size of the browser client', () => {
  const client = compressedBytes(
    "import { connect } from './src/client.ts'\nconnect(location.href).state.get()",
  )

  it('is at most 6 KB, compressed', () => {
    expect(client).toBeLessThanOrEqual(6_144)
  })

  it('grows by at most 1.5 KB with the hooks for React', () => {
    const hooks = compressedBytes(
      "import { connect } from './src/client.ts'\nexport * from './src/react.ts'\nconnect(location.href)",
    )
    expect(hooks - client).toBeLessThanOrEqual(1_536)
  })
})
