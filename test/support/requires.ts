import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Other names under which systems install a tool. The tool's own name is tried first. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  chromium: ['chromium-browser', 'google-chrome', 'google-chrome-stable'],
  firefox: ['firefox-esr'],
}

/**
 * The path of a tool that a test needs and that this machine may lack, or `undefined`:
 *
 * ```ts
 * const chromium = requires('chromium')
 * describe.skipIf(!chromium)('in Chromium (needs chromium)', () => {})
 * ```
 *
 * Where `SSER_REQUIRE` names the tool (comma-separated, as `.ci/run` sets it), its absence throws:
 * a suite that skips its own subject must not pass.
 */
export function requires(name: string): string | undefined {
  const path = find([name, ...(aliases[name] ?? [])])
  if (path === undefined && required().includes(name)) {
    throw new Error(
      `SSER_REQUIRE names ${name}, but no such program is on PATH. Install it, or unset SSER_REQUIRE to skip its tests.`,
    )
  }
  return path
}

function required(): string[] {
  return (process.env.SSER_REQUIRE ?? '').split(',').map((name) => name.trim())
}

function find(names: readonly string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
