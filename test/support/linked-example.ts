import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linkPackages } from './reader-app.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))
const folders: string[] = []

/** Copies a file of `examples/`, and files beside it, to where `sser` stands for the sources, as an app has the installed package. */
export async function linkedExample(path: string, ...beside: string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sser-example-'))
  folders.push(folder)
  await linkPackages(folder, ['hono', '@hono/node-server'])
  const copy = join(folder, basename(path))
  cpSync(join(EXAMPLES, path), copy)
  for (const name of beside) cpSync(join(EXAMPLES, dirname(path), name), join(folder, name))
  return copy
}

/** For `afterAll`. */
export function removeExamples(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}
