import assert from 'node:assert/strict'
import type { Call } from '../call.ts'
import { pod } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

type Answer = (call: Call) => void

const gone: Answer = (call) => call.refuse(410)

/** Ends the first watch; the requests after it are answered like this. Resolves with as many errors. */
async function faultsOf(world: World, ...answers: Answer[]): Promise<string[]> {
  world.api.put(pod('a', '10.0.0.1'))
  await world.watching()
  // A watch that ends sooner is a fault of its own.
  await world.clock.advance(2_000)
  world.api.script(...answers)
  world.api.endWatches()
  await world.until('all are met', () => world.errors.length >= answers.length)
  return world.errors
}

/** What others wrote, where a message of ours tells of it. */
export const wordRows: readonly FaultRow[] = [
  {
    behaviour: 'a redirect is not followed, and it is said where to',
    async run(world) {
      const to =
        (location: string): Answer =>
        (call) =>
          call.reply(302, '<html>moved</html>', { location })
      const answers = [to('https://login.example:8443/token?x=1'), to('/elsewhere'), to('http://[')]
      const [first = '', second = '', third = ''] = await faultsOf(world, ...answers)
      assert.match(first, /answered 302: it redirects to login\.example:8443, and redirects are not followed/)
      assert.match(second, new RegExp(`redirects to 127.0.0.1:${world.api.port},`))
      assert.match(third, /redirects to nowhere/)
      assert.deepEqual(world.lists, ['10.0.0.1'])
    },
  },
  ...(
    [
      ['a Status', (text) => [(call) => call.refuse(502, { message: text })]],
      ['a page that is none', (text) => [(call) => call.reply(502, text)]],
      ['a list', (text) => [gone, (call) => call.reply(200, text)]],
      ['an event', (text) => [(call) => call.open().raw(`${text}\n`)]],
      ['an event’s type', (text) => [(call) => call.open().send(text, {})]],
    ] as [string, (text: string) => Answer[]][]
  ).map(
    ([what, answers]): FaultRow => ({
      behaviour: `of ${what} nothing is printed that a terminal would obey`,
      async run(world) {
        const errors = await faultsOf(world, ...answers('\u001b[2Jgone\u0000\r\u009b\u202e\ufffd'))
        const said = errors.join('')
        assert.match(said, /u\{?0*1b\}?\[2Jgone/)
        assert.doesNotMatch(said, /[\p{C}\ufffd]/u)
      },
    }),
  ),
]
