import { fetchTransport } from '../../../src/transport/peer-transport.ts'
import { Ledger, Listener } from '../listener.ts'
import { newIncarnation } from '../new-incarnation.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'
import { APPEND, APPEND_WORDS } from '../words.ts'

const STATES = ['connecting', 'connected', 'v1', 'failing', 'self']
const empty = { v: 2, epoch: 'peer1', position: {}, runs: [], ready: false }
const held = (seqs: Json): string => JSON.stringify({ ...empty, position: seqs })

/** Input of a link: the answers of the only peer, one after another. */
export const peerAnswer: Surface<string | undefined> = {
  name: 'peer-answer',
  corpus: [
    [{ body: JSON.stringify(empty) }, { body: held({ peer1: 1 }) }, { body: JSON.stringify(APPEND) }],
    [{ body: JSON.stringify(APPEND) }, { status: 404, body: 'not found' }, { body: held({}) }],
    [
      { status: 500, body: 'no' },
      { status: 302, location: 'http://elsewhere/' },
      { body: JSON.stringify(APPEND) },
    ],
    [{ body: JSON.stringify({ ...APPEND, ready: true }), length: '9999999999' }, { fails: 'reset' }],
  ],
  words: [
    ...APPEND_WORDS,
    'status',
    'body',
    'length',
    'location',
    'fails',
    'encoding',
    'gzip',
    'own',
    '421',
    '503',
  ],
  async run(input) {
    const answers = Array.isArray(input) ? input : [input]
    let asked = 0
    const transport = fetchTransport(async () =>
      answerOf(answers[Math.min(asked++, answers.length - 1)] ?? null),
    )
    const { clock, incarnation } = await newIncarnation({
      transport,
      peers: ['127.0.0.2'],
      initialSyncTimeoutMs: 1_000,
    })
    if (!incarnation.mesh.isReady) return 'it is never ready'
    const listener = new Listener(incarnation, ['mine'])
    const ledger = new Ledger()
    ledger.add({ stream: 'mine', msg: 'hello' })
    const { seq } = incarnation.log.append(
      incarnation.log.epoch,
      { stream: 'mine', msg: 'hello' },
      clock.now(),
      clock.now(),
    )
    let receipts: { status: string }[] | undefined
    const sending = new Promise<void>((settled) => {
      const resolve = (peers: { status: string }[]) => {
        receipts = peers
        settled()
      }
      incarnation.mesh.collectAcks(incarnation.log.epoch, seq, undefined, { resolve, reject: () => {} })
    })
    const askedBefore = asked
    await clock.advance(3_000)
    await sending
    await clock.advance(20_000)
    const status = incarnation.mesh.peers()[0]
    incarnation.stop()
    if (receipts === undefined) return 'no receipt'
    if (receipts.some(({ status }) => !['delivered', 'pending', 'failed'].includes(status)))
      return 'an odd receipt'
    if (status === undefined || !STATES.includes(status.state)) return `an odd link: ${status?.state}`
    // No-op entries and sent events: no answer makes the Pod ask a peer more often than news and retries explain.
    if (asked - askedBefore > 120) return `asked ${asked - askedBefore} times in 23 s`
    return listener.events.some(({ data }) => data === 'hello')
      ? listener.wrong(ledger)
      : 'the client got nothing'
  },
  invariant: (wrong) => wrong,
}

function answerOf(answer: Json): Response {
  const { body, status = 200, length, location, encoding, fails } = fieldsOf(answer)
  if (fails !== undefined) throw new TypeError(textOf(fails))
  const code = typeof status === 'number' ? status : 0
  const headers = new Headers()
  for (const [name, value] of Object.entries({
    'content-length': length,
    location,
    'content-encoding': encoding,
  })) {
    try {
      if (value !== undefined) headers.set(name, textOf(value))
    } catch {
      // No HTTP client would let it through.
    }
  }
  const isStatus = Number.isInteger(code) && code >= 200 && code <= 599
  const isNull = [204, 205, 304].includes(code)
  return new Response(isNull ? null : textOf(body ?? ''), { status: isStatus ? code : 200, headers })
}
