import { type Cause, type Finding, fail, shown } from './finding.ts'
import { type Patient, Visit } from './visit.ts'

const CHECK = 'status'
const MAX_REDIRECTS = 5

const EXPLAINED: Readonly<Record<number, readonly [Cause, string]>> = {
  401: ['credentials', 'who asks must say who they are: give the doctor what the browser sends, by --header'],
  403: [
    'credentials',
    'who asks may not have this: give the doctor what the browser sends, a cookie, say, by --header',
  ],
  404: ['not-found', 'nothing is at this path: neither a route of the edge nor one of the app leads to sser'],
  502: [
    'bad-gateway',
    'the edge reaches no Pod, or does not understand it: no ready Pod, a wrong port or a wrong protocol',
  ],
  503: [
    'unavailable',
    'the edge has nobody to send this to, or more requests than it takes: no ready Pod, or a limit',
  ],
  504: [
    'gateway-timeout',
    'the edge waited for a Pod in vain: a wrong address, a NetworkPolicy, or a Pod that hangs',
  ],
}

/** What it means that the answer is not a 200. */
export async function whyStatus(patient: Patient, visit: Visit): Promise<Finding> {
  const { listening } = visit
  const status = listening?.answer.status ?? 0
  const location = visit.header('location')
  if (status >= 300 && status < 400 && location !== undefined) return redirected(patient, status, location)
  const code = visit.header('sser-error')
  if (code !== undefined) {
    await listening?.until(() => false, patient.patienceMs)
    const says = `${status}, by sser itself (${shown(code)}): ${shown(listening?.excerpt ?? '')}`
    return fail(CHECK, 'refused-by-sser', says)
  }
  const [cause, meaning] = EXPLAINED[status] ?? [
    'status',
    'not by sser, which says Sser-Error where it refuses, and 200 otherwise',
  ]
  return fail(CHECK, cause, `${status}${by(visit)}: ${meaning}`)
}

/** Goes where it is sent, as an `EventSource` does, and says where that ends. */
async function redirected(patient: Patient, status: number, location: string): Promise<Finding> {
  const seen = new Set([patient.url.href])
  let from = patient.url
  let to = from
  let next = location
  for (let hops = 1; ; hops += 1) {
    if (!URL.canParse(next, from.href))
      return fail(CHECK, 'redirect', `${status} to "${shown(next)}", which is no URL`)
    to = new URL(next, from)
    const path = `${status} to ${shown(to.href)}`
    if (!/^https?:$/.test(to.protocol)) return fail(CHECK, 'redirect', `${path}, where no EventSource goes`)
    if (seen.has(to.href)) return fail(CHECK, 'redirect-loop', `${path}, and so in a circle`)
    if (hops > MAX_REDIRECTS)
      return fail(CHECK, 'redirect-loop', `${path}, and after ${hops} redirects there is no end`)
    seen.add(to.href)
    // What the user gave is for the host that the user named.
    const headers = to.origin === patient.url.origin ? patient.headers : {}
    const end = await arrive({ ...patient, url: to, headers })
    if (typeof end === 'string')
      return fail(CHECK, 'redirect', `${status} to ${describe(patient.url, to)}, where ${end}`)
    next = end.next
    from = to
  }
}

/** What is at the end of a redirect: the next one, or, in words, something else. */
async function arrive(patient: Patient): Promise<string | { next: string }> {
  let visit: Visit | undefined
  try {
    visit = await Visit.begin(patient)
    await visit.head(patient.patienceMs)
    const { listening } = visit
    if (listening === undefined) return 'nobody answers'
    const { status } = listening.answer
    const location = visit.header('location')
    if (status >= 300 && status < 400 && location !== undefined) return { next: location }
    const type = shown(visit.header('content-type') ?? 'without a type')
    if (status === 200 && type.startsWith('text/event-stream')) {
      return 'an event stream is: give the page that URL, or each reconnect takes the detour'
    }
    return `a ${status} is (${type})${type.startsWith('text/html') ? ': a login page, perhaps' : ''}`
  } catch (error) {
    return shown((error as Error).message)
  } finally {
    visit?.close()
  }
}

function describe(from: URL, to: URL): string {
  const isSame = from.host === to.host && from.pathname === to.pathname
  if (isSame && to.protocol === 'https:' && from.protocol === 'http:') return `${shown(to.href)} (TLS)`
  if (from.host === to.host && to.pathname === `${from.pathname}/`)
    return `${shown(to.href)} (a slash at the end)`
  return shown(to.href)
}

function by(visit: Visit): string {
  const server = visit.header('server')
  return server === undefined ? '' : `, by ${shown(server)}`
}
