/** One documented name of a source file. */
export interface Documented {
  name: string
  /** Sentences of the doc comment, without its tags. */
  text: string
  /** Text of `@default`, if there is one. */
  fallback: string | undefined
}

const OPTION = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+(?:'([\w-]+)'|(\w+))\??:/g
const CODE = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+\|\s+'([\w-]+)'/g

/** Own properties of `interface name` in `source`, in order. */
export function documentedProperties(source: string, name: string): Documented[] {
  const start = source.search(new RegExp(`^export interface ${name} `, 'm'))
  const body = source.slice(start, source.indexOf('\n}\n', start))
  return Array.from(body.matchAll(OPTION), ([, comment, quoted, plain]) =>
    documented((quoted ?? plain) as string, comment as string),
  )
}

/** Members of the union `type name` in `source`, in order. */
export function documentedMembers(source: string, name: string): Documented[] {
  const start = source.indexOf(`export type ${name} =`)
  const body = source.slice(start, source.indexOf('\n\n', start))
  return Array.from(body.matchAll(CODE), ([, comment, code]) => documented(code as string, comment as string))
}

function documented(name: string, comment: string): Documented {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim())
  const [text = '', ...tags] = lines
    .join(' ')
    .trim()
    .split(/\s(?=@)/)
  const fallback = tags.find((tag) => tag.startsWith('@default '))?.slice('@default '.length)
  return { name, text: withoutLinks(text), fallback: fallback && withoutLinks(fallback) }
}

/** `{@link Name}` as code, because a page has no such links. */
function withoutLinks(text: string): string {
  return text.replace(/\{@link ([^}]+)\}/g, '`$1`').trim()
}
