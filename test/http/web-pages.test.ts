import { describe, expect, it } from 'vitest'
import { hostError } from '../../src/http/web-pages.ts'

const PEERS = ['web-1.web.shop', 'Web-2.example.com.', 'api.fly.example', '10.0.0.1']
const isRefused = (host: string, allowed: readonly string[] = []) =>
  hostError(new Headers({ host }), allowed, () => PEERS) !== undefined

describe('the Host of a request to the internal port', () => {
  it.each([
    'web-1.web.shop:7000',
    'web-2.example.com',
    'WEB-2.EXAMPLE.COM.',
    'api.fly.example',
    'web-0.web.shop',
    'web-17.web.shop:7000',
  ])('may be %s, the name of a peer or of its StatefulSet', (host) => {
    expect(isRefused(host)).toBe(false)
  })

  it.each([
    'evil.example.com',
    'evil.fly.example',
    'api2.fly.example',
    'web.shop',
    'evil.web.shop',
    'web-x.web.shop',
    'other-1.web.shop',
    'web-1.other.shop',
    'web-1.web.shop.evil.example',
    'evil.web-1.web.shop',
  ])('may not be %s, which merely shares a domain with a peer', (host) => {
    expect(isRefused(host)).toBe(true)
  })

  it('may be the short name of a Service that the option allows', () => {
    expect(isRefused('web-peers.shop:7000', ['web-peers.shop'])).toBe(false)
    expect(isRefused('evil.shop', ['web-peers.shop'])).toBe(true)
  })
})
