import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { within } from '../support/until.ts'

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))

/** Starts the command on a Node that pretends to be `version`. */
function sser(version: string, ...args: string[]): ChildProcess {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`
  const command = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, CLI, ...args]
  return spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Waits for the end of the command. */
async function end(child: ChildProcess): Promise<{ stderr: string; code: unknown }> {
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const closed = new Promise((resolve) => child.once('close', resolve))
  return { code: await within('the command ends', closed), stderr }
}

test('ends without an error message if the reader closes the pipe', async () => {
  const child = sser(process.versions.node, 'doctor', '--help')
  child.stdout?.destroy()
  expect(await end(child)).toEqual({ stderr: '', code: 2 })
})

test('names an unknown command, and the known ones', async () => {
  const { stderr, code } = await end(sser(process.versions.node, 'docter'))
  expect(stderr).toContain('unknown command "docter"; expected "doctor", "demo", "listen" or "send"')
  expect(code).toBe(2)
})

test.each(['help', '--help', '-h'])('exits with 0 after printing its usage for %s', async (argument) => {
  expect(await end(sser(process.versions.node, argument))).toEqual({ stderr: '', code: 0 })
})

const oldest = packageJson.engines.node.slice('>='.length)
const [major, minor] = oldest.split('.').map(Number) as [number, number]

test.each(['20.20.2', `${major - 1}.${minor + 1}.0`, `${major}.${minor - 1}.9`])(
  'names the required version on Node %s',
  async (version) => {
    const stderr = `sser needs Node ${oldest} or newer; this is ${version}\n`
    expect(await end(sser(version, 'doctor', '--help'))).toEqual({ stderr, code: 2 })
  },
)

test.each([`${oldest}.0`, `${major + 1}.0.0`, '100.0.0'])('starts on Node %s', async (version) => {
  expect(await end(sser(version, 'doctor', '--help'))).toEqual({ stderr: '', code: 0 })
})
