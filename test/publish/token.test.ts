import { describe, expect, it } from 'vitest'
import { crossOriginPostError } from '../../src/http/web-pages.ts'
import { PublishToken } from '../../src/publish/routes.ts'

const TOKENS = ['a-token-of-the-tests', 'the-next-token-of-the-tests']

describe('the token of a request', () => {
  const check = (authorization?: string) =>
    new PublishToken(TOKENS).check(new Headers(authorization === undefined ? {} : { authorization })).then(
      () => 'allowed',
      ({ code }) => code,
    )

  it.each(['Bearer a-token-of-the-tests', 'bearer  the-next-token-of-the-tests'])(
    'is known: %s',
    async (header) => {
      expect(await check(header)).toBe('allowed')
    },
  )

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic a-token-of-the-tests',
    'a-token-of-the-tests',
    'Bearer a-token-of-the-test',
    'Bearer a-token-of-the-testsx',
    'Bearer A-token-of-the-tests',
    'Bearer a-token-of-the-tests the-next-token-of-the-tests',
  ])('is wrong: %s', async (header) => {
    expect(await check(header)).toBe('unauthorized')
  })
})

describe('a POST of a web page', () => {
  const FORM = { 'content-type': 'text/plain;charset=UTF-8' }

  it.each([
    [{ ...FORM, 'sec-fetch-site': 'cross-site' }, true],
    [{ ...FORM, 'sec-fetch-site': 'same-site' }, true],
    [{ 'sec-fetch-site': 'cross-site' }, true],
    [{ ...FORM, origin: 'https://attacker.example', host: 'shop.example' }, true],
    [{ ...FORM, origin: 'null', host: 'shop.example' }, true],
    [{ 'content-type': 'multipart/form-data; boundary=x', 'sec-fetch-site': 'cross-site' }, true],
    // Browsers send these without a preflight request as well: the first is `text/plain` to them, the second is a link's ping.
    [{ 'content-type': 'text/plain\t;a=application/json', 'sec-fetch-site': 'cross-site' }, true],
    [{ 'content-type': 'text/ping', 'sec-fetch-site': 'cross-site' }, true],
    [{ 'content-type': 'application/jsonp', 'sec-fetch-site': 'cross-site' }, true],
    [{ ...FORM, 'sec-fetch-site': 'same-origin', origin: 'https://shop.example' }, false],
    [{ ...FORM, origin: 'https://shop.example', host: 'shop.example' }, false],
    // The browser has asked by a preflight request, and CORS of the app has allowed it.
    [{ 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' }, false],
    [{ 'content-type': 'application/x-ndjson; charset=utf-8', 'sec-fetch-site': 'cross-site' }, false],
    // No browser.
    [FORM, false],
    [{}, false],
  ])('with the headers %j is refused: %s', (headers, isRefused) => {
    expect(crossOriginPostError(new Headers(headers as Record<string, string>)) !== undefined).toBe(isRefused)
  })
})
