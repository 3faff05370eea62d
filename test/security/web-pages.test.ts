import { afterEach, describe, expect, test } from 'vitest'
import { closeClients, RawClient, StreamClient } from '../support/stream-client.ts'
import { Target } from './target.ts'

const V1 = '/api/json/v1/send'
const V2 = '/api/json/v2/append'
const EVENT = '{"stream":"a","msg":"forged"}'
const APPEND = '{"v":2,"epoch":"EVIL1","position":{},"hydrate":true,"runs":[]}'
const JSON_TYPE = 'content-type: application/json'

describe.each([
  ['node', '127.0.147.1'],
  ['bun', '127.0.148.1'],
] as const)('the internal port of a Pod without a secret under %s', (runtime, host) => {
  const target = Target.forAll(runtime, host, { settings: { allowedInternalHosts: ['.allowed.example'] } })
  afterEach(closeClients)

  async function ask(
    method: string,
    path: string,
    name: string,
    headers: string[],
    body = '',
  ): Promise<number> {
    const raw = await RawClient.open(target.internalUrl)
    const length = method === 'POST' ? [`content-length: ${body.length}`] : []
    const head = [`${method} ${path} HTTP/1.1`, `host: ${name}`, ...length, ...headers, '', '']
    raw.socket.write(head.join('\r\n') + body)
    const text = await raw.holds('an answer', (text) => /^HTTP\/1\.1 \d{3} /.test(text))
    raw.socket.destroy()
    return Number(text.slice(9, 12))
  }

  test.each([
    ['with an Origin', ['origin: https://evil.example', JSON_TYPE], 403],
    ['with the Origin null', ['origin: null', JSON_TYPE], 403],
    ['with Sec-Fetch-Site', ['sec-fetch-site: same-origin', JSON_TYPE], 403],
    ['with Sec-Fetch-Mode of a page', ['sec-fetch-mode: no-cors', JSON_TYPE], 403],
    ['with the type of a form', ['content-type: text/plain'], 415],
    ['without a type', [], 415],
  ])('rejects a POST %s, and delivers it to no client', async (_, headers, status) => {
    const client = await StreamClient.open(target.url, 'a')
    for (const [path, body] of [
      [V1, EVENT],
      [V2, APPEND],
    ] as const)
      expect(await ask('POST', path, 'localhost:7000', headers, body)).toBe(status)
    expect((await target.send({ stream: 'a' }, 'the end')).status).toBe(202)
    await expect.poll(() => client.messages).toEqual(['the end'])
  })

  test.each([
    'evil.example',
    'evil.example:7110',
    'EVIL.example.',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
  ])('rejects requests to the foreign host %s, through which a page could read', async (name) => {
    expect(await ask('POST', V1, name, [JSON_TYPE], EVENT)).toBe(403)
    expect(await ask('POST', V2, name, [JSON_TYPE], APPEND)).toBe(403)
    expect(await ask('GET', '/debug/sser', name, [])).toBe(403)
    expect(await ask('GET', '/metrics', name, [])).toBe(403)
    expect(await ask('GET', '/livez', name, [])).toBe(200)
  })

  test.each([
    '10.1.2.3:7000',
    '[fd00::1]:7000',
    '[::1]',
    'localhost:7000',
    'web-0',
    'web-0.web.shop.svc:7000',
    'web.shop.svc.cluster.local',
    'ip-10-0-0-1.ec2.internal:7110',
    'pod.allowed.example',
  ])('accepts requests to the host %s', async (name) => {
    const type = 'Content-Type: application/json; charset=utf-8'
    expect(await ask('POST', V1, name, [type, 'sec-fetch-mode: cors'], EVENT)).toBe(200)
    expect(await ask('POST', V2, name, [type], APPEND)).toBe(200)
    expect(await ask('GET', '/metrics', name, [])).toBe(200)
  })

  test('shows its debug page to a user who opens it, and to no page of another origin', async () => {
    const from = (site: string) => ask('GET', '/debug/sser', 'localhost', [`sec-fetch-site: ${site}`])
    expect([await from('none'), await from('same-origin')]).toEqual([200, 200])
    expect([await from('cross-site'), await from('same-site')]).toEqual([403, 403])
    expect(await ask('GET', '/metrics', 'localhost', ['origin: https://evil.example'])).toBe(403)
  })
})
