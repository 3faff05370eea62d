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

const MEMBER =
  / {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+((?:(?:readonly|get|async) )*(?:\w+(?:<[\w ,=]+>)?|\[[\w.]+\])(?:\((?:.*|(?:\n {4}.*)+\n {2})\)|\??)(?:: .*)?)/g

/** A documented member of a class or an interface. */
export interface Member extends Documented {
  /** The member with its parameters and its type. */
  signature: string
  /** Text of `@throws`, if there is one. */
  throws: string | undefined
}

/** Documented public members of the class or interface `name` in `source`, in order. */
export function documentedSignatures(source: string, name: string): Member[] {
  const start = source.search(new RegExp(`^export (?:class|interface) ${name}\\b`, 'm'))
  const body = source.slice(start, source.indexOf('\n}\n', start))
  return Array.from(body.matchAll(MEMBER), ([, comment = '', declaration = '']) => {
    const signature = declaration
      .replace(/ \{$/, '')
      .replace(/^get (\w+)\(\)/, '$1')
      .replaceAll(/\b(?:readonly|async) /g, '')
      .replaceAll(/(\w+): ([^=:]+) = \{\}/g, '$1?: $2')
      .replace(/^(\w+\?: .*) \| undefined$/, '$1')
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/\( | (?=\))/g, (space) => space.trim())
      .replaceAll(',)', ')')
    const throws = /@throws ([\s\S]*?)(?:\s@|$)/.exec(comment)?.[1]
    return {
      ...documented(signature.split(/\W/)[0] as string, comment),
      signature,
      throws: throws?.replaceAll(/\s+\* ?/g, ' ').trim(),
    }
  }).filter(({ name: own }) => own !== 'constructor' && own !== '')
}

/** Doc comment before `export type name` in `source`. */
export function documentedType(source: string, name: string): string {
  const before = source.slice(0, source.indexOf(`export type ${name} =`))
  return documented(name, before.slice(before.lastIndexOf('/**') + 3, before.lastIndexOf('*/'))).text
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
