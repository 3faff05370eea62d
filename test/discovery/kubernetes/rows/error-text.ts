import assert from 'node:assert/strict'
import type { Call } from '../call.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { pod } from '../objects.ts'
import type { FaultRow } from './row.ts'

type Answer = (call: Call) => void

const gone: Answer = (call) => call.refuse(410)

/** Ends the first watch, and answers the next requests with `answers`. Resolves with an error per answer. */
async function faultsOf(fixture: ClusterFixture, ...answers: Answer[]): Promise<string[]> {
  fixture.api.put(pod('a', '10.0.0.1'))
  await fixture.watching()
  // A watch that ends earlier counts as failed.
  await fixture.clock.advance(2_000)
  fixture.api.script(...answers)
  fixture.api.endWatches()
  await fixture.until('an error per answer', () => fixture.errors.length >= answers.length)
  return fixture.errors
}

/** Untrusted text in error messages. */
export const errorTextRows: readonly FaultRow[] = [
  {
    behaviour: 'follows no redirect, and reports its target',
    async run(fixture) {
      const to =
        (location: string): Answer =>
        (call) =>
          call.reply(302, '<html>moved</html>', { location })
      const answers = [to('https://login.example:8443/token?x=1'), to('/elsewhere'), to('http://[')]
      const [first = '', second = '', third = ''] = await faultsOf(fixture, ...answers)
      assert.match(first, /answered 302: it redirects to login\.example:8443, and redirects are not followed/)
      assert.match(second, new RegExp(`redirects to 127.0.0.1:${fixture.api.port},`))
      assert.match(third, /redirects to nowhere/)
      assert.deepEqual(fixture.lists, ['10.0.0.1'])
    },
  },
  ...(
    [
      ['a Status', (text) => [(call) => call.refuse(502, { message: text })]],
      ['a page', (text) => [(call) => call.reply(502, text)]],
      ['a list', (text) => [gone, (call) => call.reply(200, text)]],
      ['an event', (text) => [(call) => call.open().raw(`${text}\n`)]],
      ['an event’s type', (text) => [(call) => call.open().send(text, {})]],
    ] as [string, (text: string) => Answer[]][]
  ).map(
    ([source, answers]): FaultRow => ({
      behaviour: `escapes control characters of ${source} in its errors`,
      async run(fixture) {
        const errors = await faultsOf(fixture, ...answers('\u001b[2Jgone\u0000\r\u009b\u202e\ufffd'))
        const said = errors.join('')
        assert.match(said, /u\{?0*1b\}?\[2Jgone/)
        assert.doesNotMatch(said, /[\p{C}\ufffd]/u)
      },
    }),
  ),
]
