import { expect, test } from 'vitest'
import { BodyBudget, BodyReader } from '../../src/http/body-reader.ts'
import { settle, VirtualClock } from '../support/clock.ts'

const clock = new VirtualClock()

/** A body whose pieces the test sends. */
class Sending {
  outcome: string | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(bodyReader: BodyReader, address: string) {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => (this.#controller = controller) })
    const request = new Request('http://pod/', { method: 'POST', body, duplex: 'half' } as RequestInit)
    bodyReader.read(request, 1_000_000, address).then(
      (text) => (this.outcome = `${text.length} bytes`),
      (error) => (this.outcome = error.code),
    )
  }

  async send(bytes: number): Promise<void> {
    this.#controller?.enqueue(new Uint8Array(bytes).fill(32))
    await settle()
  }

  async end(): Promise<void> {
    this.#controller?.close()
    await settle()
  }
}

test('BodyReader rejects the largest body of the heaviest address beyond its limit', async () => {
  const bodyReader = new BodyReader({ clock, budget: new BodyBudget(1_000_000), timeoutMs: 1_000 })
  const [peer, one, two, three] = ['peer', 'untrusted', 'untrusted', 'untrusted'].map(
    (address) => new Sending(bodyReader, address),
  ) as [Sending, Sending, Sending, Sending]
  await peer.send(400_000)
  await one.send(250_000)
  await two.send(300_000)
  await three.send(60_000)
  expect([peer, one, two, three].map(({ outcome }) => outcome)).toEqual([
    undefined,
    undefined,
    'overloaded',
    undefined,
  ])
  await three.send(290_000)
  await three.send(1)
  expect([peer, one, three].map(({ outcome }) => outcome)).toEqual([undefined, undefined, 'overloaded'])
  await peer.end()
  await one.end()
  expect([peer.outcome, one.outcome]).toEqual(['400000 bytes', '250000 bytes'])
})

test('BodyReader releases the bytes of bodies that end or are rejected', async () => {
  const bodyReader = new BodyReader({ clock, budget: new BodyBudget(1_000_000), timeoutMs: 1_000 })
  for (let times = 0; times < 3; times += 1) {
    const read = new Sending(bodyReader, 'a')
    await read.send(1_000_000)
    await read.end()
    const late = new Sending(bodyReader, 'a')
    await late.send(1_000_000)
    await clock.advance(1_000)
    expect([read.outcome, late.outcome]).toEqual(['1000000 bytes', 'body-timeout'])
  }
})
