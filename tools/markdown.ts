/** One fenced code block of a page. */
export interface Block {
  language: string
  text: string
  /** Name in the comment on the first line, such as `// server.ts`: the block is that file, and it runs. */
  file: string | undefined
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm
const FILE = /^(?:\/\/|#|<!--|\/\*) ([\w./-]+\.\w+|Dockerfile)(?: -->| \*\/)?$/

/** The code blocks of a page, in order. */
export function codeBlocks(page: string): Block[] {
  return Array.from(page.matchAll(FENCE), ([, indent = '', language = '', body = '']) => {
    const text = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    return { language, text, file: FILE.exec(text.slice(0, text.indexOf('\n')))?.[1] }
  })
}

/** A page without its code, in blocks and in lines: the text that has links and headings. */
function withoutCode(page: string): string {
  return page.replaceAll(FENCE, '').replaceAll(/`[^`\n]*`/g, '')
}

/** Targets of the links and pictures of a page. */
export function links(page: string): string[] {
  const text = withoutCode(page)
  const inline = Array.from(text.matchAll(/\]\(<?([^)\s>]+)>?\)/g), ([, link]) => String(link))
  const html = Array.from(text.matchAll(/\s(?:href|src|srcset)="([^"\s]+)"/g), ([, link]) => String(link))
  const reference = Array.from(text.matchAll(/^\[[^\]]+\]: (\S+)/gm), ([, link]) => String(link))
  return [...inline, ...html, ...reference]
}

/** Names of the headings of a page in links, as GitHub forms them: small letters, hyphens for spaces, no punctuation. */
export function anchors(page: string): string[] {
  const seen = new Map<string, number>()
  return Array.from(page.replaceAll(FENCE, '').matchAll(/^#+ (.*)$/gm), ([, title]) => {
    const name = String(title)
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    const before = seen.get(name) ?? 0
    seen.set(name, before + 1)
    return before === 0 ? name : `${name}-${before}`
  })
}
