import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Path of a program, if it is installed. */
export function programPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  // Debian keeps servers where only root's path leads.
  return [...folders, '/usr/sbin'].map((folder) => join(folder, name)).find(existsSync)
}
