import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SOURCE = new URL('../../src/', import.meta.url)
const ENTRIES = { '.': 'index-node', './node': 'node', './bun': 'bun' }

/** A folder whose files import the sources as `sser`, as an app imports the installed package. */
export function linkedPackage(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'sser-linked-'))
  // Not below node_modules itself, because Node strips no types there.
  const target = join(folder, 'sser')
  mkdirSync(target)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(target, join(folder, 'node_modules/sser'))
  const files = Object.entries(ENTRIES).map(([entry, name]) => {
    writeFileSync(join(target, `${name}.js`), `export * from '${new URL(`${name}.ts`, SOURCE)}'\n`)
    return [entry, `./${name}.js`]
  })
  const manifest = { name: 'sser', type: 'module', exports: Object.fromEntries(files) }
  writeFileSync(join(target, 'package.json'), JSON.stringify(manifest))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
