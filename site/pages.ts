// node pages.ts: copies the pages of docs/ into content/, with links to other files of the repository made absolute, and adds
// the reference of the API from the doc comments.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { Application } from 'typedoc'

const ROOT = new URL('../', import.meta.url)
const CONTENT = new URL('./content/', import.meta.url)
const { homepage } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))
const REPOSITORY = String(homepage).replace(/#.*$/, '')
const ENTRIES = [
  'index',
  'node',
  'bun',
  'dns',
  'kubernetes',
  'opentelemetry',
  'prometheus',
  'resumable-stream',
  'testing',
]

/** Pages beside those of docs/, by their name on the site. */
const OTHERS = {
  'README.md': 'index.md',
  'SECURITY.md': 'threat-model.md',
  'CONTRIBUTING.md': 'contributing.md',
}

/** A link of the page at `from` as the site has it. */
function siteLink(from: string, link: string): string {
  if (/^[a-z]+:|^#/.test(link)) return link
  const [path = '', anchor] = link.split('#')
  const target = posix.normalize(posix.join(posix.dirname(from), path))
  const suffix = anchor === undefined ? '' : `#${anchor}`
  if (target in OTHERS) return `/${OTHERS[target as keyof typeof OTHERS]}${suffix}`
  if (target === 'docs/README.md') return `/overview.md${suffix}`
  if (target.startsWith('docs/')) return `/${target.slice('docs/'.length)}${suffix}`
  const kind = path.endsWith('/') ? 'tree' : 'blob'
  return `${REPOSITORY}/${kind}/main/${target}${suffix}`
}

/** Braces are text on a page, and not an expression of the generator. */
const asText = (page: string) => page.replaceAll('{{', '&#123;&#123;')

function convert(from: string, page: string): string {
  const parts = page.split(/(^ *```[\s\S]*?^ *```$|`[^`\n]*`)/m)
  return parts
    .map((part, i) => (i % 2 === 1 ? part : asText(part)))
    .join('')
    .replaceAll(/\]\(([^)\s]+)\)/g, (_, link) => `](${siteLink(from, link)})`)
}

rmSync(CONTENT, { recursive: true, force: true })
mkdirSync(CONTENT, { recursive: true })
for (const name of readdirSync(new URL('docs/', ROOT))) {
  const source = new URL(`docs/${name}`, ROOT)
  if (!name.endsWith('.md')) cpSync(source, new URL(name, CONTENT), { recursive: true })
  else {
    const page = convert(`docs/${name}`, readFileSync(source, 'utf8'))
    writeFileSync(new URL(name === 'README.md' ? 'overview.md' : name, CONTENT), page)
  }
}
for (const [name, own] of Object.entries(OTHERS))
  writeFileSync(new URL(own, CONTENT), convert(name, readFileSync(new URL(name, ROOT), 'utf8')))
mkdirSync(new URL('public/', CONTENT))
cpSync(new URL('llms.txt', ROOT), new URL('public/llms.txt', CONTENT))

const sources = new Set(readdirSync(new URL('src/', ROOT)))
const typedoc = await Application.bootstrapWithPlugins({
  plugin: ['typedoc-plugin-markdown'],
  entryPoints: ENTRIES.filter((entry) => sources.has(`${entry}.ts`)).map((entry) => `../src/${entry}.ts`),
  tsconfig: '../tsconfig.json',
  skipErrorChecking: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  outputs: [{ name: 'markdown', path: new URL('api', CONTENT).pathname }],
  readme: 'none',
  name: 'API',
  ...{
    entryFileName: 'overview',
    hideBreadcrumbs: true,
    hidePageHeader: true,
    outputFileStrategy: 'modules',
  },
})
const project = await typedoc.convert()
if (project === undefined) throw new Error('TypeDoc has converted nothing')
// The names by which an app imports the modules.
for (const entry of project.children ?? [])
  entry.name = entry.name === 'index' ? 'sser' : `sser/${entry.name}`
await typedoc.generateOutputs(project)
