import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchServer } from '../harness/bench-server.ts'
import { programPath } from '../harness/program-path.ts'

export const server: BenchServer = {
  name: 'the floor: C, one `send(2)` a delivery',
  missing: () => (programPath('cc') === undefined ? 'a C compiler, cc' : undefined),
  serve(port) {
    const folder = mkdtempSync(join(tmpdir(), 'sser-bench-'))
    const program = join(folder, 'floor')
    execFileSync('cc', ['-O2', '-o', program, fileURLToPath(new URL('../floor.c', import.meta.url))])
    const child = spawn(program, [String(port)], { stdio: ['pipe', 'inherit', 'inherit'] })
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    return [child.pid as number]
  },
}
