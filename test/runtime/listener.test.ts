import { describe, expect, it } from 'vitest'
import { Sser } from '../../src/index.ts'
import { join, serve } from '../../src/node.ts'
import { bindError, naming } from '../../src/runtime/listener.ts'

/** An address that RFC 5737 reserves for documentation: no machine has it. */
const ABSENT = '192.0.2.9'
const options = { port: 'internalPort', hostname: 'internalHostname' }

function failing(port: number, hostname: string | undefined, code: string): Promise<void> {
  return naming(
    options,
    Promise.reject(bindError(port, hostname, Object.assign(new Error('listen'), { code }))),
  )
}

describe('an error of binding a port', () => {
  it.each([
    ['EADDRINUSE', '127.0.0.1', 'port-in-use', 'Option "internalPort": Port 80 is in use on 127.0.0.1'],
    [
      'EACCES',
      undefined,
      'port-not-permitted',
      'Option "internalPort": This process may not bind port 80 on all addresses (EACCES); expected a port above 1023, or the capability CAP_NET_BIND_SERVICE',
    ],
    [
      'EADDRNOTAVAIL',
      ABSENT,
      'address-not-available',
      `Option "internalHostname": Port 80 cannot be bound on ${ABSENT} (EADDRNOTAVAIL); expected an address of this machine, such as 127.0.0.1`,
    ],
    [
      'ENOTFOUND',
      'web.invalid',
      'address-not-available',
      'Option "internalHostname": Port 80 cannot be bound on web.invalid (ENOTFOUND); expected an address of this machine, such as 127.0.0.1',
    ],
  ])('%s names the port, the address and the option', async (cause, hostname, code, message) => {
    await expect(failing(80, hostname, cause)).rejects.toMatchObject({
      code,
      message,
      cause: { code: cause },
    })
  })

  it('of another kind stays as it is', async () => {
    await expect(failing(80, undefined, 'EMFILE')).rejects.toMatchObject({
      code: 'EMFILE',
      message: 'listen',
    })
  })
})

describe('an address that the machine does not have', () => {
  const newSser = () => new Sser({ internalPort: 0, logger: false, allowOpenInternalPort: true })
  const fetch = () => new Response()
  const error = (option: string, port: number) => ({
    code: 'address-not-available',
    message: expect.stringContaining(`Option "${option}": Port ${port} cannot be bound on ${ABSENT} `),
  })

  it.each([
    [{ hostname: ABSENT, internalHostname: '127.0.0.1', port: 0 }, 'hostname'],
    [{ hostname: '127.0.0.1', internalHostname: ABSENT, port: 0 }, 'internalHostname'],
    [{ hostname: ABSENT, port: 0 }, 'hostname'],
  ])('rejects serve() with %j, and names the option', async (given, option) => {
    await expect(serve({ sser: newSser(), fetch, ...given })).rejects.toMatchObject(error(option, 0))
  })

  it('rejects join(), and names the option', async () => {
    const joining = join({ sser: newSser(), internalHostname: ABSENT })
    await expect(joining).rejects.toMatchObject(error('internalHostname', 0))
  })
})
