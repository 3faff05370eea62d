import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createParser } from 'eventsource-parser'
import { describe, expect, test } from 'vitest'
import { FIXES } from '../src/doctor/fixes.ts'
import { INTERNALS } from '../src/internals.ts'
import { timing } from '../src/log/timing.ts'
import { resolveOptions } from '../src/options.ts'
import { REQUEST_DRAIN_TIMEOUT_MS } from '../src/runtime/join-options.ts'
import {
  APPEND_MAX_BYTES,
  APPEND_TARGET_BYTES,
  APPEND_URL_PATH,
  EXCHANGE_URL_PATH,
  parseAppend,
} from '../src/wire/append-message.ts'
import { parseExchangeMessage } from '../src/wire/exchange-message.ts'
import { formatPosition, parsePosition } from '../src/wire/position.ts'
import { PEER_ENDPOINT_URL_PATH, parseV1 } from '../src/wire/v1.ts'
import { anchors, links } from '../tools/markdown.ts'

const ROOT = new URL('../', import.meta.url)
const PAGES = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...readdirSync(new URL('docs/', ROOT)).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
]
const DRAWINGS = readdirSync(new URL('docs/drawings/', ROOT)).map((name) => `docs/drawings/${name}`)
// The epochs of the examples all have a digit, and so are no words.
const ID =
  /\b(?=[A-Za-z]{0,4}\d)[0-9A-Za-z]{5}[1-9a-z][0-9a-z]*(?:~[0-9a-z]+)?(?:\.[0-9A-Za-z~]+)*-[0-9A-Za-z]{3}\b/g

/** The beginnings of the paths that the package has. npm adds README.md and LICENSE itself. */
const PUBLISHED: string[] = [
  ...JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')).files,
  'README.md',
  'LICENSE',
]

const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const protocol = read('docs/protocol.md')
const settings: Record<string, unknown> = {
  ...resolveOptions({}),
  requestDrainTimeoutMs: REQUEST_DRAIN_TIMEOUT_MS,
}

function blocks(page: string, language: string): string[] {
  return Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')), ([, block]) =>
    String(block),
  )
}

/** The cells of each row that begins with a word in code. */
function rows(text: string): string[][] {
  return Array.from(text.matchAll(/^\| `([\w-]+)` +\|(.*)\|$/gm), ([, name, rest]) => [
    String(name),
    ...String(rest)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  ])
}

function section(title: string): string {
  return protocol.split(/^#{2,3} /m).find((part) => part.startsWith(`${title}\n`)) as string
}

describe('the attack matrix', () => {
  const page = read('docs/security.md')
  const attacks = Array.from(page.matchAll(/^\|.*\| `(test\/\S+)`: (.*) \|$/gm), ([, file, name]) => [
    String(name),
    String(file),
  ])

  test('has at least 25 attacks, each once', () => {
    expect(attacks.length).toBeGreaterThanOrEqual(25)
    expect(new Set(attacks.map(String)).size).toBe(attacks.length)
  })

  test.each(attacks)('%s: is a test of %s', (name, file) => {
    const names = Array.from(
      read(file).matchAll(/\b(?:it|test)(?:\.each[\s\S]*?\]\)|\.each\([^\n]*\))?\(\s*(['`])(.*?)\1,/g),
      ([, , text]) => String(text),
    )
    expect(names.filter((each) => each.includes(name))).toHaveLength(1)
  })

  test('states the limits of the code', () => {
    const limits = Array.from(
      page.matchAll(/^\| [^|]* \| `(\w+)`[^|]*\| ([^|]*) \|/gm),
      ([, name, value]) => [String(name), String(value)],
    )
    expect(limits.length).toBeGreaterThan(8)
    for (const [name, value] of limits) {
      const digits = Number(/[\d,]+/.exec(value as string)?.[0].replaceAll(',', '') ?? 0)
      const unit = / MiB$/.test(value as string) ? 1_048_576 : / s$/.test(value as string) ? 1_000 : 1
      expect([name, digits * unit]).toEqual([name, settings[name as string]])
    }
    const { maxBufferedBodyBytes, internalBodyTimeoutMs, maxLastEventIdBytes } = INTERNALS
    expect(page).toContain(`bodies on the internal port | – | ${maxBufferedBodyBytes / 1_048_576} MiB |`)
    expect(page).toContain(`one such body | – | ${internalBodyTimeoutMs / 1_000} s |`)
    expect(page).toContain(`\`Last-Event-ID\` | – | ${maxLastEventIdBytes.toLocaleString('en-US')} |`)
  })
})

describe('the page on authorization', () => {
  test('shows the recipes that the tests run', () => {
    const shown = blocks(read('docs/authorize.md'), 'ts').slice(1)
    const tested = ['jwt-cookie', 'jwt-query', 'signed-link', 'session-store'].map((name) =>
      read(`examples/authorize/${name}.ts`),
    )
    expect(shown).toEqual(tested)
  })
})

describe('the protocol page', () => {
  test('shows valid messages', () => {
    const messages = blocks(protocol, 'json').map((block) => {
      if (block.includes('"at"')) return parseExchangeMessage(block)
      return block.includes('"v"') ? parseAppend(block) : parseV1(block)
    })
    expect(messages).toHaveLength(11)
  })

  test('names every field of a message, and no other', () => {
    const shape = (name: string) => {
      const file = name === 'ExchangeMessage' ? 'src/wire/exchange-message.ts' : 'src/wire/append-message.ts'
      const body = new RegExp(`export interface ${name} \\{(.*?)^\\}`, 'ms').exec(read(file))?.[1]
      return Array.from(String(body).matchAll(/^ {2}(\w+)\??:/gm), ([, field]) => field)
    }
    const fields = rows(section('Fields')).map(([name]) => name)
    expect(fields.toSorted()).toEqual(
      ['v', ...shape('Append'), ...shape('EntryRange'), ...shape('WireEvent')].toSorted(),
    )
    const inExchange = rows(section('Fields of an exchange')).map(([name]) => name)
    expect(inExchange.toSorted()).toEqual(['v', ...shape('ExchangeMessage')].toSorted())
  })

  test('shows streams that a client parses, with valid ids', () => {
    const events: [string | undefined, string][] = []
    for (const block of blocks(protocol, 'text').filter((text) => text.includes('\ndata:'))) {
      const parser = createParser({
        onEvent({ id, event, data }) {
          expect(parsePosition(id as string), id).toBeDefined()
          events.push([event, data])
        },
        onError: (error) => expect.fail(error.message),
      })
      parser.feed(block)
    }
    expect(events).toEqual([
      ['sser-position', '{"resumed":true}'],
      [undefined, '{"order":2}'],
      ['created', '{"order":3}'],
      ['sser-gap', '{"reason":"trimmed"}'],
    ])
  })

  test('explains the check in enough detail to implement it', () => {
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    const text = 'aZ3k9h.Q0w8e100'
    let h = 0x811c9dc5n
    const states = Array.from(text, (char) => {
      h = ((h ^ BigInt(char.charCodeAt(0))) * 0x01000193n) % 2n ** 32n
      return h
    })
    let r = h % 238_328n
    const digits: number[] = []
    for (let i = 0; i < 3; i += 1) {
      digits.push(Number(r % 62n))
      r /= 62n
    }
    const id = `${text}-${digits.map((digit) => alphabet[digit]).join('')}`
    expect(id).toBe(
      formatPosition([
        ['aZ3k9', 17],
        ['Q0w8e', 1296],
      ]),
    )
    const page = section('Positions and ids')
    const steps = [
      `0x${states[0]?.toString(16)}`,
      `0x${h.toString(16)}`,
      `${h}`,
      `digits ${digits.join(', ')}`,
    ]
    for (const step of [...steps, `\`${id}\``]) expect(page).toContain(step)
  })

  test('gives every reason for a gap, and no other', () => {
    const union = /export type GapReason =([^/]*)/.exec(read('src/wire/sse-frame.ts'))?.[1]
    const reasons = Array.from(String(union).matchAll(/'([\w-]+)'/g), ([, reason]) => reason)
    expect(new Set(rows(section('Gaps')).map(([reason]) => reason))).toEqual(new Set(reasons))
  })

  test('gives the times, limits and paths of the code', () => {
    const { noopIntervalMs, graceMs, maxPauseMs, forgetMs, dropMs, v1GapMs } = timing(
      settings.logMaxAgeMs as number,
    )
    const stated = Array.from(section('Times').matchAll(/\| ([\d.]+) s +\|/g), ([, seconds]) =>
      Number(seconds),
    )
    const times = [
      settings.logMaxAgeMs as number,
      noopIntervalMs,
      graceMs,
      maxPauseMs,
      forgetMs,
      dropMs,
      v1GapMs,
    ]
    expect(stated).toEqual(times.map((ms) => ms / 1_000))
    for (const bytes of [APPEND_TARGET_BYTES, APPEND_MAX_BYTES])
      expect(section('Limits')).toContain(bytes.toLocaleString('en-US'))
    expect(protocol).toContain(`longer than ${INTERNALS.maxLastEventIdBytes.toLocaleString('en-US')} bytes`)
    for (const path of [APPEND_URL_PATH, EXCHANGE_URL_PATH, PEER_ENDPOINT_URL_PATH])
      expect(protocol).toContain(path)
  })

  test('gives the defaults of the code', () => {
    const options = rows(section('Interoperability'))
    expect(options.length).toBeGreaterThan(0)
    for (const [name, value] of options) {
      const fallback = settings[name as string]
      expect(value, name).toBe(
        typeof fallback === 'number' ? fallback.toLocaleString('en-US') : String(fallback),
      )
    }
  })
})

test('docs/doctor.md names every cause, and the checks in the order of the command', () => {
  const page = read('docs/doctor.md')
  const causes = Array.from(
    read('src/doctor/finding.ts').matchAll(/^ {2}\| '([\w-]+)'$/gm),
    ([, cause]) => cause,
  )
  expect(causes).toContain('no-http2')
  for (const cause of causes) expect(page).toContain(`\`${cause}\``)
  const table = Array.from(page.matchAll(/^\| ([A-Za-z][\w/ -]*?) +\| `/gm), ([, check]) => check)
  const shown = Array.from(page.matchAll(/^[✓✗–] (\S+(?: \S+)*) {2,}/gm), ([, check]) => check)
  expect(table.filter((check) => check !== 'sser')).toEqual(shown)
  const fixes = Object.values(FIXES).flatMap((some) => some.map(({ where, change }) => `${where} ${change}`))
  const printed = Array.from(
    page.matchAll(/^ {4}(\S.{14}) (.*)$/gm),
    ([, where, change]) => `${where?.trim()} ${change}`,
  )
  expect(printed.length).toBeGreaterThan(10)
  for (const fix of printed) expect(fixes).toContain(fix)
})

describe.each([...PAGES, ...DRAWINGS])('%s', (path) => {
  const text = read(path)

  test('shows ids of the project’s format', () => {
    for (const [id] of text.matchAll(ID)) expect(parsePosition(id), id).toBeDefined()
  })

  if (path.endsWith('.svg')) {
    test('loads nothing, and follows the reader’s colours', () => {
      expect(text.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|url\((?!#)/)
      expect(text).toContain('prefers-color-scheme: dark')
    })
    return
  }

  test('has no marks of an unfinished merge', () => {
    expect(text).not.toMatch(/^(<{7}|={7}|>{7})( |$)/m)
  })

  test('names options with their defaults', () => {
    for (const [, name, value] of text.matchAll(/`(\w+)`,? \(?default:? ([\d,]*\d)/g)) {
      expect(settings, name).toHaveProperty(name as string)
      expect(settings[name as string], name).toBe(Number(value?.replaceAll(',', '')))
    }
  })

  test('has links whose targets exist', () => {
    for (const link of links(text).filter((each) => !/^\w+:/.test(each))) {
      const [file = '', anchor] = link.split('#')
      const found = file === '' ? new URL(path, ROOT) : new URL(file, new URL(path, ROOT))
      expect(existsSync(fileURLToPath(found)), link).toBe(true)
      expect(
        PUBLISHED.some((begin) => `${found}`.startsWith(`${new URL(begin, ROOT)}`)),
        `${link} is in the package`,
      ).toBe(true)
      if (anchor !== undefined) expect(anchors(readFileSync(found, 'utf8')), link).toContain(anchor)
    }
  })
})

test('docs/README.md links to every page', () => {
  const listed = links(read('docs/README.md'))
  for (const page of PAGES.filter((each) => each.startsWith('docs/') && each !== 'docs/README.md'))
    expect(listed).toContain(page.slice('docs/'.length))
})
