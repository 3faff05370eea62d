// node tools/check-tarball.ts FOLDER [--release]: checks the unpacked package: links, source maps, placeholders of the manifest.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { anchors, links } from './markdown.ts'

/** Owner in the URLs of package.json until the repository has its place. */
const PLACEHOLDER = 'github.com/OWNER/'

/** Problems of the unpacked package in `folder`. */
export function problems(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return [...deadLinks(folder, files), ...brokenMaps(folder, files)]
}

/** The fields of package.json that still have a placeholder. */
export function placeholders(folder: string): string[] {
  const { repository, homepage, bugs } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const urls = { repository: repository?.url, homepage, bugs: bugs?.url }
  return Object.entries(urls).flatMap(([field, url]) =>
    url === undefined || String(url).includes(PLACEHOLDER)
      ? [`package.json: ${field} is a placeholder: ${url}`]
      : [],
  )
}

function deadLinks(folder: string, files: readonly string[]): string[] {
  return files
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      links(readFileSync(join(folder, file), 'utf8')).flatMap((link) => {
        if (/^[a-z]+:/.test(link)) return []
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? join(folder, file) : resolve(folder, dirname(file), path)
        if (relative(folder, target).startsWith('..') || !existsSync(target))
          return [`${file}: no such file: ${link}`]
        if (anchor === undefined || !target.endsWith('.md')) return []
        return anchors(readFileSync(target, 'utf8')).includes(anchor)
          ? []
          : [`${file}: no such heading: ${link}`]
      }),
    )
}

/** A source map names its source, which is in the package once, in `src`. */
function brokenMaps(folder: string, files: readonly string[]): string[] {
  return files
    .filter((file) => file.endsWith('.map'))
    .flatMap((file) => {
      const { sources, sourcesContent } = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      const missing = sources.filter((source: string) => !existsSync(resolve(folder, dirname(file), source)))
      return [
        ...missing.map((source: string) => `${file}: no such source: ${source}`),
        ...(sourcesContent === undefined ? [] : [`${file}: has the source again: sourcesContent`]),
      ]
    })
}

if (import.meta.main) {
  const [folder = '', mode] = process.argv.slice(2)
  const open = placeholders(folder)
  for (const line of open) console.log(mode === '--release' ? `✗ ${line}` : `! ${line}`)
  const found = problems(folder)
  for (const line of found) console.error(`✗ ${line}`)
  if (found.length > 0 || (mode === '--release' && open.length > 0)) process.exit(1)
  console.log('✓ links and source maps of the package')
}
