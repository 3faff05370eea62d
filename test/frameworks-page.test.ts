import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** Each TypeScript block of the page, with the file that the text before it links. */
const shown = read('docs/frameworks.md')
  .split('](../')
  .slice(1)
  .flatMap((piece) => {
    const [path = ''] = piece.split(')')
    const blocks = piece.matchAll(/^```ts\n(.*?)^```$/gms)
    return Array.from(blocks, ([, block]) => [path, String(block)] as const)
  })

describe('docs/frameworks.md', () => {
  test('shows lines of each app', () => {
    expect(shown.map(([path]) => path.replace('examples/frameworks/', ''))).toEqual([
      'node-http.ts',
      'express.ts',
      'fastify.ts',
      'nest.ts',
      'next/server.ts',
      'next/lib/sser.ts',
      'next/app/api/events/route.ts',
      'bun-serve.ts',
      'elysia.ts',
    ])
  })

  test.each(shown)('shows lines of %s in their order', (path, block) => {
    const lines = read(path).split('\n')
    let at = -1
    for (const line of block.split('\n').filter((each) => each.trim() !== '')) {
      at = lines.indexOf(line, at + 1)
      expect(at, line).toBeGreaterThan(-1)
    }
  })
})
