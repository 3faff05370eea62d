// npm run docs:pages: writes docs/options.md and docs/errors.md from the doc comments of the source.
import { readFileSync, writeFileSync } from 'node:fs'
import { type Documented, documentedMembers, documentedProperties } from './doc-comments.ts'

const ROOT = new URL('../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')

/** The pages by their path, as the source has them now. */
export function pages(): Record<string, string> {
  const instance = documentedProperties(read('src/options.ts'), 'SserOptions')
  const pod = documentedProperties(read('src/runtime/join.ts'), 'JoinOptions')
  const server = documentedProperties(read('src/runtime/serve.ts'), 'ServeOptions')
  const node = documentedProperties(read('src/node.ts'), 'NodeServeOptions')
  const bun = documentedProperties(read('src/bun.ts'), 'BunServeOptions')
  const join = documentedProperties(read('src/node.ts'), 'NodeJoinOptions')
  const codes = documentedMembers(read('src/errors.ts'), 'SserErrorCode')
  return {
    'docs/options.md': [
      '# Options',
      'Generated from the source by `npm run docs:pages`.',
      'An unknown or invalid option throws an `SserError` with the code `invalid-options`, which names the option, the expected and the received value. Times are in milliseconds, at most 2,147,483,647 (24.8 days).',
      '## `new Sser()`',
      ...instance.map(section),
      '## `serve()` and `join()`',
      'Options of `serve()` and `join()` from `sser/node` and `sser/bun`.',
      ...pod.map(section),
      '## `serve()`',
      'Further options of `serve()`.',
      ...server.map(section),
      '## `serve()` of `sser/node`',
      'Further options under Node.',
      ...node.map(section),
      '## `serve()` of `sser/bun`',
      'A further option under Bun, where `serve()` ignores `fastPath`.',
      ...bun.map(section),
      '## `join()`',
      'A further option of `join()`, as Node has it; under Bun it is the server that `Bun.serve()` has returned. [Frameworks](frameworks.md) has an example for each framework.',
      ...join.map(section),
      '',
    ].join('\n\n'),
    'docs/errors.md': [
      '# Errors',
      'Generated from the source by `npm run docs:pages`.',
      'Every error of `sser` is an `SserError`: `code` is stable, `message` is for people, `cause` has the underlying error, and `status` is the HTTP status for a request that fails with it. Refusals of the events endpoint have the code in the header `Sser-Error`.',
      ...codes.map(({ name, text }) => `## \`${name}\`\n\n${text.replace(' Fix: ', '\n\n**Fix:** ')}`),
      '',
    ].join('\n\n'),
  }
}

function section({ name, text, fallback }: Documented): string {
  return `### \`${name}\`\n\n${text}${fallback === undefined ? '' : ` Default: ${fallback}.`}`
}

if (import.meta.main)
  for (const [path, text] of Object.entries(pages()))
    writeFileSync(new URL(path, ROOT), `${text.trimEnd()}\n`)
