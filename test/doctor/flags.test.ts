import { expect, test } from 'vitest'
import { doctor } from '../../src/doctor/command.ts'
import { readFlags } from '../../src/doctor/flags.ts'

const URL_ = 'http://127.0.97.1:9/events'

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = ''
  let stderr = ''
  const code = await doctor(args, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  })
  return { code, stdout, stderr }
}

test('asks for a stream of its own where none is named, and listens past the common limit', () => {
  const flags = readFlags([URL_])
  expect(flags?.url.href).toBe(`${URL_}?stream=sser-doctor`)
  expect(flags?.idleMs).toBe(75_000)
  expect(readFlags([`${URL_}?stream=a#b`])?.url.href).toBe(`${URL_}?stream=a`)
})

test('takes headers as often as they are given', () => {
  const flags = readFlags([URL_, '--header', 'Cookie: a=1; b=2', '--header', 'Authorization: Bearer x:y'])
  expect(flags?.headers).toEqual({ cookie: 'a=1; b=2', authorization: 'Bearer x:y' })
})

test('helps', async () => {
  const { code, stdout, stderr } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toContain('npx sser doctor URL')
  expect(stderr).toBe('')
})

test.each([
  [[], 'one URL is wanted'],
  [[URL_, URL_], 'one URL is wanted'],
  [[URL_, '--verbose'], "Unknown option '--verbose'"],
  [['events'], 'no http:// or https:// URL'],
  [['ftp://127.0.0.1/events'], 'no http:// or https:// URL'],
  [['http://me:secret@127.0.0.1/'], 'a URL with a password is refused'],
  [[URL_, '--idle', '0'], '--idle wants'],
  [[URL_, '--idle', '1.5'], '--idle wants'],
  [[URL_, '--idle', '1e9'], '--idle wants'],
  [[URL_, '--header', 'no colon'], '--header wants'],
  [[URL_, '--header', ': no name'], '--header wants'],
  [[URL_, '--header', 'A: b\r\nEvil: yes'], '--header wants'],
  [[URL_, '--header', 'A\r\nEvil: yes'], '--header wants'],
  [[URL_, '--header', 'A: b\u0000'], '--header wants'],
  [[URL_, '--header', 'Last-Event-ID: 1'], "is the doctor's own"],
  [[URL_, '--header', 'Keep-Alive: 5'], "is the doctor's own"],
] as const)('refuses %j with the usage', async (args, what) => {
  const { code, stdout, stderr } = await run(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(what)
  expect(stderr).toContain('npx sser doctor URL')
  expect(stdout).toBe('')
})
