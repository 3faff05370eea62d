import { SserError } from '../../../src/errors.ts'
import { Signatures } from '../../../src/transport/signatures.ts'
import { StepClock } from '../step-clock.ts'
import { fieldsOf, type Surface, textOf } from '../surface.ts'

const SECRET = 'known to the Pods and nobody else'
const PATH = '/api/json/v2/append'
const clock = new StepClock()
const ours = new Signatures([SECRET], clock)
const theirs = new Signatures([SECRET], clock)
const body = '{"v":2}'
const signed = { path: PATH, uid: 'uid-1', body }
const signer = { name: '0123456789abcdef', number: 1, time: ours.time }
const { header, binding } = await theirs.sign(signed, signer)
const answer = await ours.signResponse(binding, 200, body)

interface Checked {
  /** Whether the request was taken, and the answer. */
  isRequest: boolean
  isAnswer: boolean
}

/** The headers that carry signatures, and the signed text. */
export const signature: Surface<Checked> = {
  name: 'signature',
  corpus: [
    { header, answer, body, uid: 'uid-1' },
    { header: header.replace('n=1', 'n=2'), answer: answer.replace('m=', 'm=A'), body, uid: 'uid-1' },
    { header: `${header}, ${header}`, answer: header, body: `${body} `, uid: '' },
  ],
  words: ['t=', ', s=', ', n=', ', m=', '-', '_', '=', 'A'.repeat(43), '9007199254740993', 'header', 'uid'],
  async run(input) {
    const fields = fieldsOf(input)
    const given = textOf(fields.body)
    // Anew each time: a number counts once.
    const receiver = new Signatures([SECRET], clock)
    const request = { path: PATH, uid: textOf(fields.uid), body: given }
    const isRequest = await receiver.verify(request, textOf(fields.header)).then(
      () => true,
      (error: unknown) => {
        if (error instanceof SserError && error.code === 'unauthorized') return false
        throw error
      },
    )
    const time = await ours.verifyResponse(binding, 200, given, textOf(fields.answer))
    return { isRequest, isAnswer: time !== undefined }
  },
  invariant({ isRequest, isAnswer }, input) {
    const fields = fieldsOf(input)
    const isAsSigned = textOf(fields.body) === body
    if (isRequest !== (isAsSigned && textOf(fields.header) === header && textOf(fields.uid) === 'uid-1'))
      return isRequest ? 'a request that nobody signed was taken' : 'a request that was signed was refused'
    if (isAnswer !== (isAsSigned && textOf(fields.answer) === answer))
      return isAnswer ? 'an answer that nobody signed was taken' : 'an answer that was signed was refused'
    return undefined
  },
}
