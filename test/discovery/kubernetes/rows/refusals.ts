import assert from 'node:assert/strict'
import { CA, EXPIRED, FUTURE, OTHER_CA, OTHER_NAME } from '../api-server.ts'
import type { Call } from '../call.ts'
import { pod } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

type Answer = (call: Call) => void

const http =
  (code: number, more?: Parameters<Call['refuse']>[1]): Answer =>
  (call) =>
    call.refuse(code, more)

/** An ERROR event in a watch that was opened as it should be. */
const inStream =
  (code: number, more: object = {}): Answer =>
  (call) =>
    call
      .open()
      .send('ERROR', { kind: 'Status', code, message: `a scripted ${code}`, ...more })
      .end()

/** Ends the first watch; the requests after it are answered like this, and those after them as they should be. */
async function meets(world: World, ...answers: Answer[]): Promise<void> {
  world.api.put(A)
  await world.watching()
  // A watch that ends sooner is a fault of its own.
  await world.clock.advance(2_000)
  world.api.script(...answers)
  world.api.endWatches()
}

/** Request `n` is a watch or a list from this version. */
async function asks(world: World, n: number, what: 'watch' | 'list', from: string): Promise<Call> {
  const call = await world.call(n)
  assert.deepEqual([call.isWatch ? 'watch' : 'list', call.from], [what, from])
  return call
}

/** Nobody was taken away, and what comes later is told. */
async function recovers(world: World): Promise<void> {
  assert.deepEqual(world.lists, ['10.0.0.1'])
  world.api.put(B)
  await world.told('10.0.0.1', '10.0.0.2')
}

const both = (code: number): [string, Answer][] => [
  [`HTTP ${code}`, http(code)],
  [`an ERROR event of ${code}`, inStream(code)],
]

const tooLarge = { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }

export const refusalRows: readonly FaultRow[] = [
  ...both(410).flatMap(([name, answer]): FaultRow[] => [
    {
      behaviour: `after ${name} it lists again, nothing older than what it knows`,
      async run(world) {
        await meets(world, answer)
        const version = `${world.api.version}`
        await asks(world, 3, 'watch', version)
        await asks(world, 4, 'list', version)
        await asks(world, 5, 'watch', version)
        await recovers(world)
      },
    },
    {
      behaviour: `after ${name} twice in a row it lists from the storage itself`,
      async run(world) {
        await meets(world, answer, (call) => call.reply(200, world.api.listBody()), answer)
        const list = await asks(world, 6, 'list', '')
        assert.equal(list.url.searchParams.get('limit'), '500')
        await recovers(world)
      },
    },
  ]),
  {
    behaviour: 'after a list that is refused with 410 it lists from the storage itself',
    async run(world) {
      await meets(world, http(410), http(410))
      await asks(world, 5, 'list', '')
      await recovers(world)
    },
  },
  {
    behaviour: 'where its version is ahead of the server’s (504) it lists from the storage itself',
    async run(world) {
      await meets(world, http(504, tooLarge))
      await asks(world, 4, 'list', '')
      await recovers(world)
    },
  },
  ...both(500).flatMap(([name, answer]): FaultRow[] => [
    {
      behaviour: `after ${name} it goes on where it was; after three in a row it lists again`,
      async run(world) {
        await meets(world, answer, answer, answer)
        const version = `${world.api.version}`
        for (const n of [3, 4, 5]) await asks(world, n, 'watch', version)
        await asks(world, 6, 'list', version)
        await recovers(world)
      },
    },
    {
      behaviour: `${name} counts from the last event on`,
      async run(world) {
        const event: Answer = (call) =>
          call
            .open()
            .send('BOOKMARK', { metadata: { resourceVersion: '150' } })
            .end()
        await meets(world, answer, answer, event, answer, answer)
        await asks(world, 8, 'watch', '150')
        assert.equal(world.finder.status().relists, 0)
      },
    },
  ]),
  ...[429, 503].flatMap((code): FaultRow[] => [
    {
      behaviour: `after HTTP ${code} it waits as long as Retry-After says, and goes on where it was`,
      async run(world) {
        await meets(world, http(code, { headers: { 'retry-after': '7' } }))
        const version = `${world.api.version}`
        const refused = await asks(world, 3, 'watch', version)
        const again = await asks(world, 4, 'watch', version)
        assert.ok(again.at - refused.at >= 7_000 && again.at - refused.at < 9_000)
        await recovers(world)
      },
    },
    {
      behaviour: `an ERROR event of ${code} tells how long to wait, too`,
      async run(world) {
        await meets(world, inStream(code, { details: { retryAfterSeconds: 9 } }))
        const refused = await asks(world, 3, 'watch', `${world.api.version}`)
        const again = await asks(world, 4, 'watch', `${world.api.version}`)
        assert.ok(again.at - refused.at >= 9_000)
        await recovers(world)
      },
    },
    {
      behaviour: `${code}, however often, is no reason to list`,
      async run(world) {
        await meets(world, ...Array.from({ length: 6 }, () => http(code)))
        await asks(world, 9, 'watch', `${world.api.version}`)
        await recovers(world)
      },
    },
  ]),
  {
    behaviour: 'a Retry-After of a day, or a date, is believed up to two minutes',
    async run(world) {
      await meets(
        world,
        http(429, { headers: { 'retry-after': '86400' } }),
        http(503, { headers: { 'retry-after': 'Wed, 25 Nov 2026 12:00:00 GMT' } }),
      )
      const [first, second, third] = [await world.call(3), await world.call(4), await world.call(5)]
      for (const waited of [second.at - first.at, third.at - second.at])
        assert.ok(waited >= 120_000 && waited < 123_000, `${waited} ms`)
    },
  },
  {
    behaviour: 'after 401 it asks again at once, with the token that is there now',
    async run(world) {
      await meets(world, http(401))
      world.account.write('token', 'second-token')
      const refused = await asks(world, 3, 'watch', `${world.api.version}`)
      const again = await asks(world, 4, 'watch', `${world.api.version}`)
      assert.equal(again.headers.get('authorization'), 'Bearer second-token')
      assert.ok(again.at - refused.at <= 20, `${again.at - refused.at} ms`)
      assert.deepEqual(world.errors, [])
      await recovers(world)
    },
  },
  {
    behaviour: 'after 401 with fresh credentials, too, it keeps what it knows and asks less and less often',
    async run(world) {
      await meets(world, ...Array.from({ length: 8 }, () => http(401)))
      const last = await world.call(11)
      assert.ok(last.at - (world.api.calls[4]?.at ?? 0) > 5_000)
      assert.match(
        world.errors[0] ?? '',
        /does not accept the credentials of .*though they were just read again/,
      )
      await recovers(world)
    },
  },
  ...[403, 404].map(
    (code): FaultRow => ({
      behaviour: `${code} keeps what is known, prints the Role, and is asked again within a minute for ever`,
      async run(world) {
        await meets(world)
        world.api.rule = http(code)
        await world.call(20)
        const times = world.api.calls.map(({ at }) => at)
        for (const [i, at] of times.entries()) assert.ok(at - (times[i - 1] ?? at) <= 61_000)
        assert.match(
          world.errors.at(-1) ?? '',
          /namespace: shop[\s\S]*resources: \[pods\], verbs: \[list, watch\]/,
        )
        assert.equal(world.finder.status().peers, 1)
        world.api.rule = undefined
        await recovers(world)
        assert.equal(world.finder.status().relists, 0)
      },
    }),
  ),
  {
    behaviour: 'a token, or a CA, that is missing for a while is waited for',
    async run(world) {
      for (const [file, text, n] of [
        ['token', 'later-token', 3],
        ['ca.crt', CA, 4],
      ] as const) {
        if (file === 'token') await meets(world)
        world.account.remove(file)
        world.api.endWatches('cut')
        await world.until('the missing file is met', () =>
          /ENOENT.*automountServiceAccountToken/.test(world.errors.at(-1) ?? ''),
        )
        world.account.write(file, text)
        await asks(world, n, 'watch', `${world.api.version}`)
      }
      await recovers(world)
    },
  },
  {
    behaviour: 'a certificate that the CA does not vouch for is waited out, and a new CA is taken up',
    async run(world) {
      await meets(world)
      world.account.write('ca.crt', OTHER_CA)
      world.api.endWatches('cut')
      await world.until('the certificate is refused', () =>
        /not one that the CA of/.test(world.errors.at(-1) ?? ''),
      )
      assert.equal(world.api.calls.length, 2)
      world.account.write('ca.crt', CA)
      await asks(world, 3, 'watch', `${world.api.version}`)
      await recovers(world)
    },
  },
  ...(
    [
      [
        'is not valid yet',
        FUTURE,
        /is not valid yet by the clock .* \(CERT_NOT_YET_VALID\)\. Is that clock slow\?/,
      ],
      ['has expired', EXPIRED, /has expired by the clock .* \(CERT_HAS_EXPIRED\)\. Renew it/],
      ['is for other names', OTHER_NAME, /is for other names .*KUBERNETES_SERVICE_HOST/],
    ] as const
  ).map(
    ([what, certificate, words]): FaultRow => ({
      behaviour: `a certificate that ${what} is called so, and no CA is blamed`,
      async run(world) {
        await meets(world)
        world.api.show(certificate)
        world.account.write('ca.crt', certificate)
        world.api.endWatches('cut')
        await world.until('it is refused', () => words.test(world.errors.at(-1) ?? ''))
        assert.doesNotMatch(world.errors.join(), /CA was replaced/)
        world.api.show(CA)
        world.account.write('ca.crt', CA)
        await recovers(world)
      },
    }),
  ),
  {
    behaviour: 'a false API server gets no token where NODE_TLS_REJECT_UNAUTHORIZED is 0',
    async run(world) {
      const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
      try {
        world.account.write('ca.crt', OTHER_CA)
        const started = world.start()
        await world.until('the certificate is refused', () => world.errors.length > 0)
        assert.deepEqual(world.api.calls, [])
        world.account.write('ca.crt', CA)
        await world.passing(started)
      } finally {
        if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
      }
    },
  },
  {
    behaviour: 'a proxy’s page, however long, is taken for what its status says',
    async run(world) {
      await meets(world, (call) => call.reply(502, `<html>Bad gateway${' '.repeat(99_999)}</html>`))
      await asks(world, 4, 'watch', `${world.api.version}`)
      assert.match(world.errors[0] ?? '', /answered 502: /)
      await recovers(world)
    },
  },
]
