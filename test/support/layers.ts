import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A room of `layers.json`: its files, and the rooms and packages that they may import. */
interface Room {
  files: readonly string[]
  rooms: readonly string[]
  packages?: readonly string[]
}

export type Layers = Readonly<Record<string, Room>>

/** The table that CONTRIBUTING.md points to. */
export const layers = JSON.parse(readFileSync('layers.json', 'utf8')) as Layers

/** Every file of `src/`, as a path from the repository's root. */
export function sourceFiles(): string[] {
  const entries = readdirSync('src', { recursive: true, encoding: 'utf8' })
  return entries.filter((path) => path.endsWith('.ts')).map((path) => `src/${path}`)
}

/** The imports of a file that the table does not allow, one line each. */
export function forbiddenImports(layers: Layers, file: string, source: string): string[] {
  const room = roomOf(layers, file)
  if (room === undefined) return [`${file} is in no room of layers.json`]
  const { rooms, packages = [] } = layers[room] as Room
  return importsOf(source).flatMap((specifier) => {
    if (!specifier.startsWith('.')) {
      const isAllowed = packages.some((name) => isPackage(name, specifier))
      return isAllowed ? [] : [`${file}: "${room}" must not import the package "${specifier}"`]
    }
    const target = join(dirname(file), specifier)
    const targetRoom = roomOf(layers, target) ?? 'no room'
    if (targetRoom === room || rooms.includes(targetRoom)) return []
    return [`${file}: "${room}" must not import ${target} of "${targetRoom}"`]
  })
}

/** The rooms and packages that the table allows and no file of the room imports, one line each. */
export function unusedAllowances(layers: Layers, files: ReadonlyMap<string, string>): string[] {
  const used = new Set<string>()
  for (const [file, source] of files) {
    const room = roomOf(layers, file)
    for (const specifier of importsOf(source)) {
      const name = specifier.startsWith('.')
        ? roomOf(layers, join(dirname(file), specifier))
        : layers[room as string]?.packages?.find((allowed) => isPackage(allowed, specifier))
      used.add(`"${room}" imports nothing of "${name}"`)
    }
  }
  return Object.entries(layers).flatMap(([room, { rooms, packages = [] }]) =>
    [...rooms, ...packages]
      .map((name) => `"${room}" imports nothing of "${name}"`)
      .filter((line) => !used.has(line)),
  )
}

/** Returns whether the specifier is of the package that the table names; `node:` has all modules of Node. */
function isPackage(name: string, specifier: string): boolean {
  return name.endsWith(':') ? specifier.startsWith(name) : `${specifier}/`.startsWith(`${name}/`)
}

/** The room whose longest path covers the file. */
function roomOf(layers: Layers, file: string): string | undefined {
  const matches = Object.entries(layers).flatMap(([name, { files }]) =>
    files
      .filter((path) => path === file || (path.endsWith('/') && file.startsWith(path)))
      .map((path) => ({ name, length: path.length })),
  )
  return matches.sort((one, other) => other.length - one.length)[0]?.name
}

/** Specifiers after `from`, `import` and `import(`, those of type imports included. */
function importsOf(source: string): string[] {
  const matches = source.matchAll(
    /^(?:(?:import|export)\s[^'"();=]*?from\s*|import\s*)['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
  )
  return Array.from(matches, ([, first, second]) => (first ?? second) as string)
}
