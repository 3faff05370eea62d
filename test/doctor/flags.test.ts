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

test('defaults to its own stream and to a duration above the usual idle timeout', () => {
  const flags = readFlags([URL_])
  expect(flags?.url.href).toBe(`${URL_}?stream=sser-doctor`)
  expect(flags?.durationMs).toBe(75_000)
  expect(readFlags([`${URL_}?stream=a#b`])?.url.href).toBe(`${URL_}?stream=a`)
})

test('accepts several headers', () => {
  const flags = readFlags([URL_, '--header', 'Cookie: a=1; b=2', '--header', 'Authorization: Bearer x:y'])
  expect(flags?.headers).toEqual({ cookie: 'a=1; b=2', authorization: 'Bearer x:y' })
})

test('prints its usage with --help', async () => {
  const { code, stdout, stderr } = await run('--help')
  expect(code).toBe(0)
  expect(stdout).toContain('npx sser doctor URL')
  expect(stderr).toBe('')
})

test('says that checks were not made after a problem that ends the run', async () => {
  const { code, stdout } = await run(URL_)
  expect(stdout).toContain('Problems: refused.')
  expect(stdout).toContain('The remaining checks were not made.')
  expect(code).toBe(2)
})

test.each([
  [[], 'expected one URL'],
  [[URL_, URL_], 'expected one URL'],
  [[URL_, '--verbose'], "Unknown option '--verbose'\n"],
  [['events'], 'expected a URL that begins with http:// or https://'],
  [['ftp://127.0.0.1/events'], 'expected a URL that begins with http:// or https://'],
  [['http://me:secret@127.0.0.1/'], 'expected a URL without a user name and password'],
  [[URL_, '--duration', '0'], '--duration: expected'],
  [[URL_, '--duration', '1.5'], '--duration: expected'],
  [[URL_, '--duration', '1e9'], '--duration: expected'],
  [[URL_, '--header', 'no colon'], '--header: expected'],
  [[URL_, '--header', ': no name'], '--header: expected'],
  [[URL_, '--header', 'A: b\r\nEvil: yes'], '--header: expected'],
  [[URL_, '--header', 'A\r\nEvil: yes'], '--header: expected'],
  [[URL_, '--header', 'A: b\u0000'], '--header: expected'],
  [[URL_, '--header', 'Last-Event-ID: 1'], 'the doctor sets'],
  [[URL_, '--header', 'Keep-Alive: 5'], 'the doctor sets'],
] as const)('rejects %j, and prints the usage', async (args, what) => {
  const { code, stdout, stderr } = await run(...args)
  expect(code).toBe(2)
  expect(stderr).toContain(what)
  expect(stderr).toContain('npx sser doctor URL')
  expect(stdout).toBe('')
})
