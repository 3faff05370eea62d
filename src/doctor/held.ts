import { type Finding, fail, time } from './finding.ts'
import type { Visit, Ward } from './visit.ts'

const CHECK = 'first event'

/**
 * Why `main` was not greeted in time. Two more requests tell it: one that does not offer to decompress, and one whose
 * answer has no body that anybody could hold back.
 */
export async function whyHeld(ward: Ward, main: Visit): Promise<Finding> {
  const { patienceMs } = ward.patient
  const limitMs = 3 * patienceMs
  const [plain, head] = await Promise.all([
    ward.visit({ isPlain: true }),
    ward.visit({ method: 'HEAD', resumes: true }),
  ])
  const [isPlainGreeted] = await Promise.all([plain.greeted(limitMs), head.head(limitMs)])
  const waited = time(patienceMs + limitMs)
  const { listening: late } = main
  const headMs = head.listening?.headMs ?? Number.POSITIVE_INFINITY
  const plainMs = plain.listening?.greeting?.ms
  const lateMs = late?.greeting?.ms
  plain.close()
  head.close()

  if (isPlainGreeted && plainMs !== undefined && plainMs < patienceMs && lateMs === undefined) {
    const says = `none came in ${waited}, but one in ${time(plainMs)} to a client that does not offer gzip: what compresses holds the events back`
    return fail(CHECK, 'compressed', says)
  }
  if (headMs > patienceMs) {
    if (lateMs === undefined) {
      const says = `none came in ${waited}, nor an answer to a HEAD request: the server behind the edge does not answer, or is not reached`
      return fail(CHECK, 'silent', says)
    }
    const says = `it took ${time(lateMs)}, and so did the answer to a HEAD request (${time(headMs)}): what is slow is not the stream but all of the way, or the server`
    return fail(CHECK, 'slow', says)
  }
  const came = lateMs === undefined ? `none came in ${waited}` : `it took ${time(lateMs)}`
  if (head.header('sser-resume') !== undefined) {
    const head = late === undefined ? ', and of the response not even the head' : ''
    const says = `${came}${head}; sser itself answered a HEAD request in ${time(headMs)}: something on the way buffers the response`
    return fail(CHECK, 'buffered', says)
  }
  const says = `${came}, but the answer to a HEAD request in ${time(headMs)} (${head.listening?.answer.status}): something buffers the response, or this is not sser, which greets at once`
  return fail(CHECK, 'silent', says)
}
