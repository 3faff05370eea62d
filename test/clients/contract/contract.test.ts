import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requires } from '../../support/requires.ts'
import { ContractService } from './service.ts'

const program = requires('sse-contract-tests')
const PORT = '8196'
/** Events of 7 MB: the client allows blocks of 4 Mi characters. */
const BEYOND_BOUND = 'basic parsing/large message'

describe.skipIf(!program)('the contract tests of LaunchDarkly (needs sse-contract-tests)', () => {
  let service: ContractService

  beforeAll(async () => {
    service = await ContractService.listen()
  })

  afterAll(() => service?.close())

  test('pass, but for events beyond the bound of the client', { timeout: 120_000 }, async () => {
    const hosts = ['--url', service.url, '--host', '127.0.0.1', '--port', PORT]
    const run = promisify(execFile)(program as string, [...hosts, '--skip', BEYOND_BOUND])
    const { stdout } = await run.catch((error: { stdout: string }) => error)
    expect(stdout.slice(-2_000)).toContain('All tests passed')
    expect(stdout.match(/^\[/gm)?.length).toBeGreaterThan(100)
  })
})
