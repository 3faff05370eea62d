import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** Options that both commands have. */
export const SHARED_OPTIONS = {
  stream: { type: 'string', multiple: true, default: [] as string[] },
  header: { type: 'string', multiple: true, default: [] as string[] },
  token: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Parsed<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; allowPositionals: true; options: T }>
>

/** Parses arguments. @throws Error in one line, without the advice that Node appends. */
export function parseArguments<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: T,
): Parsed<T> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options })
  } catch (error) {
    throw new Error((error as Error).message.replace(/\. To specify a positional argument .*/s, ''))
  }
}

/** @throws Error in one line */
export function readUrl(text: string | undefined, example: string): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new Error(`expected a URL such as ${example}${text === undefined ? '' : `, got "${text}"`}`)
  if (url.username !== '' || url.password !== '')
    throw new Error('expected a URL without a user name and password; use --header or --token instead')
  return url
}

/** The headers of each request. @throws Error in one line */
export function readHeaders(headers: readonly string[], token: string | undefined): Headers {
  const read = new Headers()
  for (const text of headers) {
    const colon = text.indexOf(':')
    try {
      read.append(text.slice(0, Math.max(0, colon)).trim(), text.slice(colon + 1).trim())
    } catch {
      throw new Error(`--header: expected 'Name: value', got ${JSON.stringify(text)}`)
    }
  }
  // The message must not show the token.
  if (token !== undefined && !/^[!-~]+$/.test(token))
    throw new Error('--token: expected visible ASCII characters without spaces')
  if (token !== undefined) read.set('authorization', `Bearer ${token}`)
  return read
}
