import { type Finding, fail, time } from './finding.ts'
import type { Visit, Ward } from './visit.ts'

const CHECK = 'first event'

/**
 * Why `main` was not greeted in time. Three more requests tell it: the same again, one that does not offer to
 * decompress, and one whose answer has no body that anybody could hold back.
 */
export async function whyHeld(ward: Ward, main: Visit): Promise<Finding> {
  const { patienceMs } = ward.patient
  const limitMs = 3 * patienceMs
  const again = await ward.visit()
  const plain = await ward.visit({ isPlain: true })
  const head = await ward.visit({ method: 'HEAD', resumes: true })
  await Promise.all([again.greeted(limitMs), plain.greeted(limitMs), head.head(limitMs)])
  const waited = time(patienceMs + limitMs)
  const headMs = head.listening?.headMs ?? Number.POSITIVE_INFINITY
  const [lateMs, againMs, plainMs] = [main, again, plain].map(({ listening }) => listening?.greeting?.ms)
  for (const visit of [again, plain, head]) visit.close()
  const isInTime = (ms: number | undefined): ms is number => ms !== undefined && ms < patienceMs

  const came = lateMs === undefined ? `none came in ${waited}` : `it took ${time(lateMs)}`
  if (isInTime(againMs)) {
    const says = `${came}, but the same request made again had one in ${time(againMs)}: of several Pods, one hangs or is slow. Ask again`
    return fail(CHECK, 'slow', says)
  }
  if (isInTime(plainMs)) {
    const says = `${came}, but one in ${time(plainMs)} to a client that does not offer gzip: what compresses holds the events back`
    return fail(CHECK, 'compressed', says)
  }
  if (lateMs !== undefined && !isInTime(headMs)) {
    const says = `${came}, and so did the answer to a HEAD request (${time(headMs)}): not the stream is slow, but the way, or the server`
    return fail(CHECK, 'slow', says)
  }
  if (!isInTime(headMs)) {
    const says = `${came}, nor an answer to a HEAD request in time: the server behind the edge does not answer, or is not reached`
    return fail(CHECK, 'silent', says)
  }
  if (head.header('sser-resume') !== undefined) {
    const also = main.listening === undefined ? ', and of the response not even the head' : ''
    const says = `${came}${also}; sser itself answered a HEAD request in ${time(headMs)}: something on the way buffers the response`
    return fail(CHECK, 'buffered', says)
  }
  const says = `${came}, but the answer to a HEAD request in ${time(headMs)} (${head.listening?.answer.status}): something buffers the response, or this is not sser, which greets at once`
  return fail(CHECK, 'silent', says)
}
