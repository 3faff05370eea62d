import { afterEach, describe, expect, it } from 'vitest'
import { LocalhostPeerFinder, Sser, StaticPeerFinder } from '../../src/index.ts'
import { type ServeOptions, serve } from '../../src/node.ts'
import { SERVER_OPTIONS } from '../../src/options.ts'

const fetch = () => new Response('x')
const stops: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function message(options: object): Promise<string> {
  const sser = new Sser({ peerFinder: new LocalhostPeerFinder(), internalPort: 0, logger: false })
  try {
    const served = await serve({ sser, fetch, port: 0, hostname: '127.0.0.1', ...options } as ServeOptions)
    stops.push(served.stop)
    return 'serves'
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid-options' })
    return (error as Error).message
  }
}

describe('the options of serve()', () => {
  it.each([
    [{ port: '80a' }, 'Option "port": expected a whole number, got "80a"'],
    [{ port: Number.NaN }, 'Option "port": expected a whole number, got NaN'],
    [{ port: 70_000 }, 'Option "port": expected <=65535, got 70000'],
    [{ opsPort: -1 }, 'Option "opsPort": expected >=0, got -1'],
    [{ fetch: {} }, 'Option "fetch": expected a function of (request, env), such as app.fetch, got Object'],
    [{ sser: {} }, 'Option "sser": expected an Sser, got Object'],
    [{ internalPort: 7001 }, 'Option "internalPort": pass it to new Sser()'],
    [{ peerSecret: 'x' }, 'Option "peerSecret": pass it to new Sser()'],
    [{ hostname: 8000 }, 'Option "hostname": expected string, got 8000'],
  ])('%j is refused before anything is bound', async (options, expected) => {
    expect(await message(options)).toBe(expected)
  })

  it('a misspelt name is refused: as "hostName" it would bind all addresses', async () => {
    expect(await message({ hostName: '127.0.0.1' })).toMatch(/"hostName": there is no such option.*hostname/)
  })

  it('a name that begins only one option stands for it', async () => {
    expect(await message({ host: '127.0.0.1' })).toBe(
      'Option "host": there is no such option; did you mean "hostname"?',
    )
  })

  it('are known to new Sser(), which names serve() as their place', async () => {
    const [, names = ''] = /expected one of (.*)$/.exec(await message({ zzz: 1 })) ?? []
    const known = SERVER_OPTIONS.filter(({ call }) => call !== 'join()').flatMap((each) => each.names)
    expect(names.split(', ').sort()).toEqual([...known].sort())
  })

  it('a missing one is named', async () => {
    await expect((serve as () => Promise<unknown>)()).rejects.toThrow('Option "sser": must be given')
  })

  it('undefined stands for the default', async () => {
    const options = { internalHostname: undefined, opsPort: undefined, internalTls: undefined }
    expect(await message({ ...options, requestDrainTimeoutMs: undefined, serverOptions: undefined })).toBe(
      'serves',
    )
  })
})

it('a StaticPeerFinder says what it expects where it is given one string for all peers', () => {
  expect(() => new StaticPeerFinder('10.0.0.1,10.0.0.2' as never)).toThrow(
    "expected an array such as ['10.0.0.1', '10.0.0.2:7001'], got \"10.0.0.1,10.0.0.2\"",
  )
})
