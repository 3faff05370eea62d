import assert from 'node:assert/strict'
import { CA, EXPIRED, FUTURE, OTHER_CA, OTHER_NAME } from '../api-server.ts'
import type { Call } from '../call.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { pod } from '../objects.ts'
import type { FaultRow } from './row.ts'

const A = pod('a', '10.0.0.1')
const B = pod('b', '10.0.0.2')

type Answer = (call: Call) => void

const http =
  (code: number, more?: Parameters<Call['refuse']>[1]): Answer =>
  (call) =>
    call.refuse(code, more)

/** An ERROR event in an accepted watch. */
const inStream =
  (code: number, more: object = {}): Answer =>
  (call) =>
    call
      .open()
      .send('ERROR', { kind: 'Status', code, message: `a scripted ${code}`, ...more })
      .end()

/** Ends the first watch, and answers the next requests with `answers`, later ones normally. */
async function meets(fixture: ClusterFixture, ...answers: Answer[]): Promise<void> {
  fixture.api.put(A)
  await fixture.watching()
  // A watch that ends earlier counts as failed.
  await fixture.clock.advance(2_000)
  fixture.api.script(...answers)
  fixture.api.endWatches()
}

/** Asserts that request `n` is a watch or a list from this version. */
async function asks(fixture: ClusterFixture, n: number, what: 'watch' | 'list', from: string): Promise<Call> {
  const call = await fixture.call(n)
  assert.deepEqual([call.isWatch ? 'watch' : 'list', call.from], [what, from])
  return call
}

/** Asserts that no peer was removed, and that later changes are published. */
async function recovers(fixture: ClusterFixture): Promise<void> {
  assert.deepEqual(fixture.lists, ['10.0.0.1'])
  fixture.api.put(B)
  await fixture.published('10.0.0.1', '10.0.0.2')
}

const both = (code: number): [string, Answer][] => [
  [`HTTP ${code}`, http(code)],
  [`an ERROR event of ${code}`, inStream(code)],
]

const tooLarge = { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }

export const refusalRows: readonly FaultRow[] = [
  ...both(410).flatMap(([name, answer]): FaultRow[] => [
    {
      behaviour: `lists again after ${name}, not older than its version`,
      async run(fixture) {
        await meets(fixture, answer)
        const version = `${fixture.api.version}`
        await asks(fixture, 3, 'watch', version)
        await asks(fixture, 4, 'list', version)
        await asks(fixture, 5, 'watch', version)
        await recovers(fixture)
      },
    },
    {
      behaviour: `lists from the storage after ${name} twice in a row`,
      async run(fixture) {
        await meets(fixture, answer, (call) => call.reply(200, fixture.api.listBody()), answer)
        const list = await asks(fixture, 6, 'list', '')
        assert.equal(list.url.searchParams.get('limit'), '500')
        await recovers(fixture)
      },
    },
  ]),
  {
    behaviour: 'lists from the storage after a 410 for a list',
    async run(fixture) {
      await meets(fixture, http(410), http(410))
      await asks(fixture, 5, 'list', '')
      await recovers(fixture)
    },
  },
  {
    behaviour: 'lists from the storage if its version is newer than the server’s (504)',
    async run(fixture) {
      await meets(fixture, http(504, tooLarge))
      await asks(fixture, 4, 'list', '')
      await recovers(fixture)
    },
  },
  ...both(500).flatMap(([name, answer]): FaultRow[] => [
    {
      behaviour: `resumes the watch after ${name}, and lists again after three in a row`,
      async run(fixture) {
        await meets(fixture, answer, answer, answer)
        const version = `${fixture.api.version}`
        for (const n of [3, 4, 5]) await asks(fixture, n, 'watch', version)
        await asks(fixture, 6, 'list', version)
        await recovers(fixture)
      },
    },
    {
      behaviour: `counts ${name} from the last event on`,
      async run(fixture) {
        const event: Answer = (call) =>
          call
            .open()
            .send('BOOKMARK', { metadata: { resourceVersion: '150' } })
            .end()
        await meets(fixture, answer, answer, event, answer, answer)
        await asks(fixture, 8, 'watch', '150')
        assert.equal(fixture.finder.status().relists, 0)
      },
    },
  ]),
  ...[429, 503].flatMap((code): FaultRow[] => [
    {
      behaviour: `waits for the Retry-After of HTTP ${code}, then resumes the watch`,
      async run(fixture) {
        await meets(fixture, http(code, { headers: { 'retry-after': '7' } }))
        const version = `${fixture.api.version}`
        const refused = await asks(fixture, 3, 'watch', version)
        const again = await asks(fixture, 4, 'watch', version)
        assert.ok(again.at - refused.at >= 7_000 && again.at - refused.at < 9_000)
        await recovers(fixture)
      },
    },
    {
      behaviour: `waits for the retryAfterSeconds of an ERROR event of ${code}`,
      async run(fixture) {
        await meets(fixture, inStream(code, { details: { retryAfterSeconds: 9 } }))
        const refused = await asks(fixture, 3, 'watch', `${fixture.api.version}`)
        const again = await asks(fixture, 4, 'watch', `${fixture.api.version}`)
        assert.ok(again.at - refused.at >= 9_000)
        await recovers(fixture)
      },
    },
    {
      behaviour: `does not list after repeated ${code}`,
      async run(fixture) {
        await meets(fixture, ...Array.from({ length: 6 }, () => http(code)))
        await asks(fixture, 9, 'watch', `${fixture.api.version}`)
        await recovers(fixture)
      },
    },
  ]),
  {
    behaviour: 'limits a Retry-After of a day, or a date, to two minutes',
    async run(fixture) {
      await meets(
        fixture,
        http(429, { headers: { 'retry-after': '86400' } }),
        http(503, { headers: { 'retry-after': 'Wed, 25 Nov 2026 12:00:00 GMT' } }),
      )
      const [first, second, third] = [await fixture.call(3), await fixture.call(4), await fixture.call(5)]
      for (const waited of [second.at - first.at, third.at - second.at])
        assert.ok(waited >= 120_000 && waited < 123_000, `${waited} ms`)
    },
  },
  {
    behaviour: 'retries a 401 at once, with the current token',
    async run(fixture) {
      await meets(fixture, http(401))
      fixture.account.write('token', 'second-token')
      const refused = await asks(fixture, 3, 'watch', `${fixture.api.version}`)
      const again = await asks(fixture, 4, 'watch', `${fixture.api.version}`)
      assert.equal(again.headers.get('authorization'), 'Bearer second-token')
      assert.ok(again.at - refused.at <= 20, `${again.at - refused.at} ms`)
      assert.deepEqual(fixture.errors, [])
      await recovers(fixture)
    },
  },
  {
    behaviour: 'keeps its peers after a 401 with fresh credentials, and backs off',
    async run(fixture) {
      await meets(fixture, ...Array.from({ length: 8 }, () => http(401)))
      const last = await fixture.call(11)
      assert.ok(last.at - (fixture.api.calls[4]?.at ?? 0) > 5_000)
      assert.match(
        fixture.errors[0] ?? '',
        /does not accept the credentials of .*though they were just read again/,
      )
      await recovers(fixture)
    },
  },
  ...[403, 404].map(
    (code): FaultRow => ({
      behaviour: `keeps its peers after ${code}, reports the Role, and retries within a minute for ever`,
      async run(fixture) {
        await meets(fixture)
        fixture.api.rule = http(code)
        await fixture.call(20)
        const times = fixture.api.calls.map(({ at }) => at)
        for (const [i, at] of times.entries()) assert.ok(at - (times[i - 1] ?? at) <= 61_000)
        assert.match(
          fixture.errors.at(-1) ?? '',
          /namespace: shop[\s\S]*resources: \[pods\], verbs: \[list, watch\]/,
        )
        assert.equal(fixture.finder.status().peers, 1)
        fixture.api.rule = undefined
        await recovers(fixture)
        assert.equal(fixture.finder.status().relists, 0)
      },
    }),
  ),
  {
    behaviour: 'waits for a missing token or CA',
    async run(fixture) {
      for (const [file, text, n] of [
        ['token', 'later-token', 3],
        ['ca.crt', CA, 4],
      ] as const) {
        if (file === 'token') await meets(fixture)
        fixture.account.remove(file)
        fixture.api.endWatches('cut')
        await fixture.until('the missing file is met', () =>
          /ENOENT.*automountServiceAccountToken/.test(fixture.errors.at(-1) ?? ''),
        )
        fixture.account.write(file, text)
        await asks(fixture, n, 'watch', `${fixture.api.version}`)
      }
      await recovers(fixture)
    },
  },
  {
    behaviour: 'retries after an untrusted certificate, and reads a new CA',
    async run(fixture) {
      await meets(fixture)
      fixture.account.write('ca.crt', OTHER_CA)
      fixture.api.endWatches('cut')
      await fixture.until('the certificate is refused', () =>
        /not one that the CA of/.test(fixture.errors.at(-1) ?? ''),
      )
      assert.equal(fixture.api.calls.length, 2)
      fixture.account.write('ca.crt', CA)
      await asks(fixture, 3, 'watch', `${fixture.api.version}`)
      await recovers(fixture)
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
    ([fault, certificate, words]): FaultRow => ({
      behaviour: `reports that a certificate ${fault}, and does not blame the CA`,
      async run(fixture) {
        await meets(fixture)
        fixture.api.show(certificate)
        fixture.account.write('ca.crt', certificate)
        fixture.api.endWatches('cut')
        await fixture.until('it is refused', () => words.test(fixture.errors.at(-1) ?? ''))
        assert.doesNotMatch(fixture.errors.join(), /CA was replaced/)
        fixture.api.show(CA)
        fixture.account.write('ca.crt', CA)
        await recovers(fixture)
      },
    }),
  ),
  {
    behaviour: 'sends no token to a false API server if NODE_TLS_REJECT_UNAUTHORIZED is 0',
    async run(fixture) {
      const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
      try {
        fixture.account.write('ca.crt', OTHER_CA)
        const started = fixture.start()
        await fixture.until('the certificate is refused', () => fixture.errors.length > 0)
        assert.deepEqual(fixture.api.calls, [])
        fixture.account.write('ca.crt', CA)
        await fixture.passing(started)
      } finally {
        if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
      }
    },
  },
  {
    behaviour: 'takes a proxy’s page of any length by its status',
    async run(fixture) {
      await meets(fixture, (call) => call.reply(502, `<html>Bad gateway${' '.repeat(99_999)}</html>`))
      await asks(fixture, 4, 'watch', `${fixture.api.version}`)
      assert.match(fixture.errors[0] ?? '', /answered 502: /)
      await recovers(fixture)
    },
  },
]
