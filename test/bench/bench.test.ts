import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { message } from '../../bench/harness/message.ts'
import { Verifier } from '../../bench/harness/verifier.ts'

const INDEX = fileURLToPath(new URL('../../bench/index.ts', import.meta.url))
const FAULTY = fileURLToPath(new URL('faulty-server.ts', import.meta.url))

/** A bench of three connections, with the faulty server among its rows. */
function bench(fault: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const sizes = ['--connections', '3', '--events', '5', '--rounds', '1', '--patience', '1000']
  const args = [INDEX, '--only', 'cpu', '--servers', FAULTY, ...sizes]
  const env = { ...process.env, FAULT: fault }
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env, timeout: 80_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

describe('the bench', () => {
  test('prints a figure if every connection got every event once, in order', async () => {
    const { code, stdout } = await bench('none')
    expect(code).toBe(0)
    expect(stdout).toMatch(/the faulty one \| \d/)
  })

  test.each([
    ['lost', 'event 3 is lost'],
    ['doubled', 'got event 3 again where event 4 was due'],
    ['disordered', 'got event 4 where event 3 was due'],
    ['damaged', 'got event 3 damaged'],
  ])('prints the fault and no figure if an event is %s', async (fault, said) => {
    const { code, stdout, stderr } = await bench(fault)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^cpu: the faulty one: connection \d/)
    expect(stderr).toContain(said)
    expect(code).toBe(1)
  })
})

describe('the verifier', () => {
  const body = [1, 2, 3].map((k) => `id: aZ3k9h-4Fz\ndata: ${message(k, 40)}\n\n`)
  const chunked = body.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
  const answers = {
    chunked: `${head}Transfer-Encoding: chunked\r\n\r\n${chunked}`,
    'not chunked': `${head}\r\n${body.join('')}`,
  }

  test.each(Object.entries(answers))('counts events across any chunk boundaries: %s', (_, answer) => {
    for (let size = 1; size <= answer.length; size += 1) {
      const verifier = new Verifier(40)
      for (let at = 0; at < answer.length; at += size) {
        const piece = Buffer.from(answer.slice(at, at + size))
        verifier.take(piece, piece.length)
      }
      expect(verifier.received, `pieces of ${size} bytes`).toBe(3)
    }
  })

  test('rejects a response that is not an event stream', () => {
    const answer = Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n')
    expect(() => new Verifier(40).take(answer, answer.length)).toThrow('was answered: HTTP/1.1 404')
  })
})
