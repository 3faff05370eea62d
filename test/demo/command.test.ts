import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server, type Socket } from 'node:net'
import { request } from 'undici'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { readFlags } from '../../src/demo/flags.ts'
import { firstFree, planPods } from '../../src/demo/plan.ts'
import { Demo, endDemos, freePorts } from '../support/demo.ts'
import { until, within } from '../support/until.ts'

const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3']

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

const squatters: Server[] = []

/** Takes a port. Takes no offence at a client that is killed in the middle of a request. */
async function take(port: number, host: string): Promise<void> {
  const server = createServer((socket: Socket) => void socket.on('error', () => {}))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  squatters.push(server)
}

afterEach(() => Promise.all(squatters.splice(0).map((server) => new Promise((done) => server.close(done)))))
// A test that failed halfway leaves nothing behind either.
afterAll(endDemos)

describe.each([['node'], ['bun']])('the demo, its Pods under %s', (runtime) => {
  const options = runtime === 'bun' ? ['--bun', '--pods', '2'] : ['--pods', '2']

  test('ends every Pod on SIGTERM, also one that was restarted', async () => {
    const demo = new Demo(...options, ...(await freePorts()).flags)
    await demo.control(2, 'restart')
    const pids = (await demo.pods()).map(({ pid }) => pid)
    expect(pids.map(isAlive)).toEqual([true, true])
    expect(await demo.stop()).toBe(0)
    expect(pids.map(isAlive)).toEqual([false, false])
    expect(demo.stdout.trim().split('\n')).toHaveLength(1)
    expect(demo.stderr).toBe('')
  })

  test('leaves no Pod behind after SIGKILL', async () => {
    const demo = new Demo(...options, ...(await freePorts()).flags)
    const pids = (await demo.pods()).map(({ pid }) => pid)
    await demo.stop('SIGKILL')
    await until('the Pods are gone', () => !pids.some(isAlive))
  })

  test('reports a port in use in one line, and leaves no process', async () => {
    const { flags, port, internalPort } = await freePorts()
    const taken = runtime === 'node' ? port : internalPort
    await take(taken, '127.0.0.2')
    const demo = new Demo(...options, ...flags)
    expect(await within('the demo gives up', demo.exited)).toBe(1)
    expect(demo.stderr).toMatch(new RegExp(`^sser demo: .*${taken}.*\\n$`))
    expect(demo.stdout).toBe('')
    await take(port, '127.0.0.1')
    await take(internalPort, '127.0.0.1')
  })
})

describe('the demo', () => {
  let npm: ChildProcess | undefined
  afterAll(() => npm?.kill('SIGKILL'))

  test('ends when npm is killed', async () => {
    const { flags } = await freePorts()
    npm = spawn('npm', ['start', '--', '--pods', '1', ...flags], { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    npm.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    await until('the demo prints the address of its page', () => output.includes('http://'))
    const response = await fetch(`${/http:\S+/.exec(output)?.[0]}/pods`)
    const [pod] = (await response.json()) as { pid: number }[]
    expect(isAlive(pod?.pid)).toBe(true)
    npm.kill('SIGKILL')
    await until('the Pod is gone', () => !isAlive(pod?.pid))
  })

  test('reports a page port in use in one line', async () => {
    const { flags } = await freePorts()
    await take(Number(flags.at(-1)), '127.0.0.1')
    const demo = new Demo(...flags)
    expect(await within('the demo gives up', demo.exited)).toBe(1)
    expect(demo.stderr).toBe(`sser demo: 127.0.0.1: Port ${flags.at(-1)} is in use\n`)
  })

  test('moves on to the next ports where its own are in use', async () => {
    const { port, internalPort } = await freePorts()
    await take(port, '127.0.0.3')
    const wanted = { port: { port, isMovable: true }, internalPort: { port: internalPort, isMovable: true } }
    const plans = await planPods({ pods: 3, ...wanted })
    expect(plans.map(({ host }) => host)).toEqual(HOSTS)
    expect(new Set(plans.map((plan) => plan.port)).size).toBe(1)
    expect(plans[0]?.port).toBeGreaterThan(port)
  })

  test('runs beside another one, both on the ports that they find', async () => {
    const first = new Demo('--pods', '1')
    expect(await first.pods()).toHaveLength(1)
    const second = new Demo('--pods', '1')
    expect(await second.pods()).toHaveLength(1)
    expect(second.stdout).not.toBe(first.stdout)
  })

  test('keeps a port that its user asked for', async () => {
    expect(await firstFree({ port: 1, isMovable: false }, () => Promise.resolve(false))).toBe(1)
    expect(readFlags([])).toMatchObject({ port: { isMovable: true }, pagePort: { isMovable: true } })
    expect(readFlags(['--port', '9000'])).toMatchObject({ port: { port: 9_000, isMovable: false } })
  })

  test.each([
    [['--pods', '0'], '--pods: expected a whole number from 1 to 9, got "0"'],
    [['--port', 'x'], '--port: expected a whole number'],
    [['--log-seconds', '0'], '--log-seconds: expected a whole number from 1 to 3600, got "0"'],
    [['--prot', '1'], '--prot'],
  ])('rejects %j in one line', (flags, text) => {
    expect(() => readFlags(flags)).toThrow(text)
    expect(() => readFlags(flags)).not.toThrow('\n')
  })

  test('lets only its own page kill a Pod', async () => {
    const demo = new Demo('--pods', '1', ...(await freePorts()).flags)
    const url = await demo.url()
    const kill = async (headers: Record<string, string>) => {
      const { statusCode, body } = await request(`${url}/pods/1/kill`, { method: 'POST', headers })
      await body.dump()
      return statusCode
    }
    expect(await kill({ origin: 'http://elsewhere.example' })).toBe(403)
    expect(await kill({ origin: (await demo.pods())[0]?.url ?? '' })).toBe(403)
    expect(await kill({ 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await kill({ host: 'elsewhere.example' })).toBe(403)
    expect((await demo.pods())[0]?.state).toBe('running')
    expect(await kill({ origin: url, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect((await demo.pods())[0]).toMatchObject({ state: 'stopped', reason: 'killed' })
    expect(await demo.stop()).toBe(0)
  })
})
