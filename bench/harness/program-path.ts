import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Path of a program, if it is installed. */
export function programPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  // Debian installs servers in directories that only root's PATH has.
  return [...folders, '/usr/sbin'].map((folder) => join(folder, name)).find(existsSync)
}
