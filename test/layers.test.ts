import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { forbiddenImports, layers, sourceFiles, unusedAllowances } from './support/layers.ts'

describe('the layers of src/', () => {
  it('lets no file import a room or a package outside its allow-list', () => {
    const found = sourceFiles().flatMap((file) => forbiddenImports(layers, file, readFileSync(file, 'utf8')))
    expect(found).toEqual([])
  })

  it('lists only rooms above itself in the table, so that no cycle of rooms can exist', () => {
    const seen: string[] = []
    for (const [name, { rooms }] of Object.entries(layers)) {
      expect({ name, below: rooms.filter((room) => !seen.includes(room)) }).toEqual({ name, below: [] })
      seen.push(name)
    }
  })

  it('allows no room and no package that no file imports', () => {
    const sources = new Map(sourceFiles().map((file) => [file, readFileSync(file, 'utf8')]))
    expect(unusedAllowances(layers, sources)).toEqual([])
  })

  it.each([
    ['an upward import', 'src/log/log.ts', "import { Hub } from '../delivery/hub.ts'"],
    ['an upward import of a type', 'src/wire/sse-frame.ts', "import type { Log } from '../log/log.ts'"],
    [
      'an upward import over several lines',
      'src/log/log.ts',
      "import {\n  Mesh,\n} from '../replication/mesh.ts'",
    ],
    ['a re-export', 'src/log/log.ts', "export * from '../sser.ts'"],
    ['a dynamic import', 'src/ops/stats.ts', "const node = await import('../runtime/node/listener.ts')"],
    ['a module of Node outside the runtimes', 'src/delivery/hub.ts', "import { Socket } from 'node:net'"],
    ['a package of another room', 'src/transport/signatures.ts', "import { Hono } from 'hono'"],
    ['a package whose name only begins alike', 'src/sser.ts', "import { x } from 'hono-sessions'"],
    ['the package itself', 'src/runtime/signals.ts', "import { Sser } from 'sser'"],
    [
      'the other runtime',
      'src/runtime/bun/listener.ts',
      "import { SocketSink } from '../node/socket-sink.ts'",
    ],
  ])('finds %s', (_, file, source) => {
    expect(forbiddenImports(layers, file, source)).toHaveLength(1)
  })

  it('finds a file that stands in no room', () => {
    expect(forbiddenImports(layers, 'src/helpers.ts', '')).toEqual([
      'src/helpers.ts is in no room of layers.json',
    ])
  })
})
