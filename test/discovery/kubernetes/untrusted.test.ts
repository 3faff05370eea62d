import { describe, expect, it, test } from 'vitest'
import { isAddress } from '../../../src/discovery/address.ts'
import { tables } from './rows/rows.ts'

describe('who answers in the place of the API server', () => {
  it('gets no token where NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
    const row = Object.values(tables)
      .flat()
      .find(({ behaviour }) => behaviour.startsWith('a false API server'))
    expect(row).toBeDefined()
    await row?.run()
  })
})

test('addresses of the own machine, of one link and of many machines are no addresses of a Pod', () => {
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
