// The available servers: the files of bench/servers/, and files that --servers names by path.
import { basename, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { BenchServer } from './bench-server.ts'
import type { BenchOptions } from './options.ts'
import type { Described } from './server-process.ts'
import { sourceEnv } from './source.ts'

const FOLDER = new URL('../servers/', import.meta.url)

export interface Rows {
  /** The control of every ratio: the C floor, or plain http without a C compiler. */
  control: Described
  /** The control, if it is among the servers. */
  servers: Described[]
  /** Skipped rows, with the reason. */
  notes: string[]
}

/** Reads a server's file. */
export async function describe(url: URL): Promise<Described> {
  const file = fileURLToPath(url)
  const { server } = (await import(url.href)) as { server?: BenchServer }
  if (server === undefined) throw new Error(`${basename(file)} exports no server`)
  return { file, server }
}

/** Reads a server of the growth curves. */
export function growing(name: string): Promise<Described> {
  return describe(new URL(`../growth/${name}.ts`, import.meta.url))
}

/** A server of this package, and with `--base` the same of the other checkout. */
export function withBase(described: Described, { base }: BenchOptions): Described[] {
  if (base === undefined) return [described]
  const server = { ...described.server, name: `${described.server.name}, \`--base\`` }
  return [described, { ...described, server, env: sourceEnv(base) }]
}

/** Reads these servers, by the name of their file or by a path, in this order. Names servers that lack a program. */
export async function rowsOf(names: readonly string[]): Promise<Rows> {
  const floor = await describe(new URL('floor.ts', FOLDER))
  const missing = floor.server.missing?.()
  const control = missing === undefined ? floor : await describe(new URL('plain-http.ts', FOLDER))
  const rows: Rows = { control, servers: [], notes: [] }
  for (const name of names) {
    const url = /[/\\]/.test(name) ? pathToFileURL(resolve(name)) : new URL(`${name}.ts`, FOLDER)
    const described = await describe(url)
    const lack = described.server.missing?.()
    if (lack === undefined) rows.servers.push(described)
    else rows.notes.push(`Left out here: ${described.server.name}, for want of ${lack}.`)
  }
  return rows
}
