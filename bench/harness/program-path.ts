import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where a program is installed, if it is. */
export function programPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  // Debian keeps servers where only root's path leads.
  return [...folders, '/usr/sbin'].map((folder) => join(folder, name)).find(existsSync)
}
