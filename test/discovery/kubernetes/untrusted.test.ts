import { describe, expect, it, test } from 'vitest'
import { isAddress } from '../../../src/discovery/address.ts'
import { tables } from './rows/rows.ts'

describe('an impostor of the API server', () => {
  it('gets no token if NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
    const row = Object.values(tables)
      .flat()
      .find(({ behaviour }) => behaviour.startsWith('sends no token to a false API server'))
    expect(row).toBeDefined()
    await row?.run()
  })
})

test('loopback, link-local and multicast addresses are not addresses of a Pod', () => {
  const foreign = [
    '0.0.0.0',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'febf::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    'fe80::1%eth0',
    'localhost',
    '',
  ]
  expect(foreign.filter(isAddress)).toEqual([])
  const usual = [
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '128.0.0.1',
    'fd00::1',
    '2001:db8::1',
    '::ffff:10.0.0.1',
  ]
  expect(usual.filter((address) => !isAddress(address))).toEqual([])
})
