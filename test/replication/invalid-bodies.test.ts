import { beforeEach, describe, expect, it } from 'vitest'
import { settle } from '../support/clock.ts'
import { Fleet, type Pod } from '../support/fleet.ts'
import { within } from '../support/until.ts'

const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'

let fleet: Fleet
let pod: Pod

beforeEach(async () => {
  fleet = await Fleet.of(1)
  pod = fleet.pod(0)
})

const JSON_TYPE = { 'content-type': 'application/json' }
function post(path: string, body: BodyInit, init: RequestInit = {}) {
  return pod.sser.internalRoutes.request(path, {
    method: 'POST',
    body,
    ...init,
    headers: { ...JSON_TYPE, ...init.headers },
  })
}

/** The events that a client of `foo` receives while `act` runs. */
async function heardWhile(act: () => Promise<unknown>) {
  const client = pod.connect('foo')
  await settle()
  await act()
  await settle()
  expect(client.ended).toBe(false)
  expect(client.errors).toEqual([])
  return client.all.slice(1)
}

describe('a v1 POST', () => {
  it.each([
    'no JSON',
    '',
    '[]',
    '[{"stream":"foo","msg":"a"}]',
    '{"stream":"foo","msg":1}',
    'null',
    '{"stream":"foo","msg":"a"',
    '\ufeff{"stream":"foo","msg":"a"}',
    '{"stream":"foo","msg":""}',
    '{"stream":"foo"}',
    '{"stream":"foo","msg":null}',
    '{"stream":"","msg":"a"}',
    '{"msg":"a"}',
    '{"stream":"fo\\no","msg":"a"}',
  ])('answers 400 as Go does, and delivers nothing, for %j', async (body) => {
    const heard = await heardWhile(async () => {
      const response = await post(V1, body)
      expect([response.status, await response.text()]).toEqual([400, 'invalid JSON\n'])
    })
    expect(heard).toEqual([])
  })

  it.each([true, false])(
    'answers 413 unread to a body over the limit (announced: %s)',
    async (isAnnounced) => {
      let pulled = 0
      let isCancelled = false
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += 1
          if (pulled > 200) controller.close()
          else controller.enqueue(new Uint8Array(65_536).fill(97))
        },
        cancel() {
          isCancelled = true
        },
      })
      const headers = { ...JSON_TYPE, ...(isAnnounced && { 'content-length': '100000000' }) }
      const init = { method: 'POST', body, headers, duplex: 'half' } as RequestInit
      const response = await within('the refusal', Promise.resolve(pod.sser.internalRoutes.request(V1, init)))
      expect(response.status).toBe(413)
      expect(response.headers.get('connection')).toBe('close')
      await settle()
      expect(isCancelled).toBe(true)
      expect(pulled).toBeLessThan(isAnnounced ? 3 : 12)
    },
  )

  it('answers 413 only to a message over maxMessageBytes, however long its escapes are', async () => {
    const heard = await heardWhile(async () => {
      const tooLong = JSON.stringify({ stream: 'foo', msg: 'x'.repeat(65_537) })
      expect((await post(V1, tooLong)).status).toBe(413)
      const escaped = `{"stream":"foo","msg":"${'\\u003c'.repeat(60_000)}"}`
      expect((await post(V1, escaped)).status).toBe(200)
    })
    expect(heard.map(({ data }) => data)).toEqual(['<'.repeat(60_000)])
  })

  it('answers 200 without a body to a valid event, and delivers it without an id', async () => {
    const heard = await heardWhile(async () => {
      const response = await post(V1, '{"stream":"foo","msg":"hello","later":1}')
      expect([response.status, response.headers.get('content-length')]).toEqual([200, '0'])
      expect(response.body).toBeNull()
    })
    expect(heard).toEqual([{ event: undefined, id: undefined, data: 'hello' }])
  })
})

describe('a v2 POST', () => {
  const good = { v: 2, epoch: 'peer1', position: {}, runs: [] as object[] }
  const run = (prev: number, ...seqs: number[]) => ({
    epoch: 'peer1',
    prev,
    idle: 0,
    events: seqs.map((seq) => ({ seq, age: 0, stream: 'foo', msg: `${seq}` })),
  })

  it.each<[string, string]>([
    ['that is malformed', '{"v":2'],
    ['that is empty', ''],
    ['of a wrong version', JSON.stringify({ ...good, v: 1 })],
    ['of a wrong epoch', JSON.stringify({ ...good, epoch: 'peer-1' })],
    ['with seqs out of order', JSON.stringify({ ...good, runs: [run(0, 1, 2), run(2, 4, 3)] })],
    ['with a gap in its seqs', JSON.stringify({ ...good, runs: [run(0, 1, 3)] })],
  ])('answers 400 with a code, and delivers nothing, for %s', async (_, body) => {
    const heard = await heardWhile(async () => {
      const response = await post(V2, body)
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual({ code: 'invalid-peer-message', message: expect.any(String) })
    })
    expect(heard).toEqual([])
    const error = { code: 'invalid-peer-message' }
    expect(pod.errors).toMatchObject([{ error, context: { stage: 'receive' } }])
  })

  it('answers an unknown prev with the position of this Pod', async () => {
    const heard = await heardWhile(async () => {
      const response = await post(V2, JSON.stringify({ ...good, runs: [run(7, 8)] }))
      expect(response.status).toBe(200)
      const { v, position } = (await response.json()) as { v: number; position: object }
      expect(v).toBe(2)
      expect(position).not.toHaveProperty('peer1')
    })
    expect(heard).toEqual([])
    expect(pod.errors).toEqual([])
  })

  it('answers 413 to a body over the limit', async () => {
    expect((await post(V2, 'x'.repeat(8 * 1_048_576 + 1))).status).toBe(413)
  })

  it('answers 400 to a body that breaks off', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    const response = await post(V2, body, { duplex: 'half' } as RequestInit)
    expect(response.status).toBe(400)
    expect(pod.errors).toMatchObject([{ error: { cause: { message: 'reset' } } }])
  })

  it('answers 503 after the stop of its Pod', async () => {
    await fleet.stop()
    expect([(await post(V2, JSON.stringify(good))).status, (await post(V1, '{}')).status]).toEqual([503, 503])
  })
})
