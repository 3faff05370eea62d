import { type Cause, type Finding, fail, sanitize } from './finding.ts'
import { Probe, type Session, type Target } from './probe.ts'

const CHECK = 'status'
const MAX_REDIRECTS = 5
/** Statuses of a proxy that cannot reach a Pod. */
const UNREACHABLE = new Set([502, 503, 504])
const MORE_REQUESTS = 5

const MEANINGS: Readonly<Record<number, readonly [Cause, string]>> = {
  401: ['credentials', 'the request needs credentials: pass those of the browser with --header'],
  403: [
    'credentials',
    'access is denied: pass the credentials of the browser, such as a cookie, with --header',
  ],
  404: [
    'not-found',
    'no route of the proxy or of the app leads to sser at this path: check the path of the URL',
  ],
  502: [
    'bad-gateway',
    'the proxy cannot reach a Pod, or does not understand its response: no ready Pod, a wrong port or a wrong protocol',
  ],
  503: [
    'unavailable',
    'the proxy has no Pod for this request, or rejects it: no ready Pod, or a limit on connections or requests',
  ],
  504: [
    'gateway-timeout',
    'the proxy got no response from a Pod in time: a wrong address, a NetworkPolicy, or a Pod that hangs',
  ],
}

/** Explains a response with another status than 200, or with the header `Sser-Error`. */
export async function explainStatus(target: Target, probe: Probe): Promise<Finding> {
  const { recording } = probe
  const status = recording?.response.status ?? 0
  const location = probe.header('location')
  if (status >= 300 && status < 400 && location !== undefined)
    return followRedirects(target, status, location)
  const code = probe.header('sser-error')
  if (code !== undefined) {
    await recording?.untilEnd(target.timeoutMs)
    const text = status === 200 ? 'clients are told to come back later' : sanitize(recording?.excerpt ?? '')
    const message = `${status} from sser (${sanitize(code)})${text === '' ? '' : `: ${text}`}`
    return fail(CHECK, 'refused-by-sser', message)
  }
  const server = probe.header('server')
  const by = server === undefined ? '' : ` from ${sanitize(server)}`
  const [cause, meaning] = MEANINGS[status] ?? [
    'status',
    'not a response of sser, which has status 200 or the header Sser-Error',
  ]
  return fail(CHECK, cause, `${status}${by}: ${meaning}`)
}

/**
 * Sends more requests after a status of {@link UNREACHABLE}. If some of them get events, one of several Pods is gone; if
 * none does, the route is wrong or a limit is reached.
 */
export async function findMissingRetry(
  session: Session,
  refused: Probe,
  check: string,
): Promise<Finding | undefined> {
  const status = refused.recording?.response.status ?? 0
  if (!UNREACHABLE.has(status) || refused.header('sser-error') !== undefined) return undefined
  let answered = 0
  for (let i = 0; i < MORE_REQUESTS; i += 1) {
    const probe = await session.probe()
    if (await probe.waitForFirstEvent(session.target.timeoutMs)) answered += 1
    probe.close()
  }
  if (answered === 0) return undefined
  const message = `one request got status ${status}, but ${answered} of ${MORE_REQUESTS} more got events: a Pod is gone and the proxy does not retry on another one, or a rate limit is reached. An EventSource that gets a ${status} does not reconnect`
  return fail(check, 'no-retry', message)
}

/** Follows redirects as an `EventSource` does, and reports where they end. */
async function followRedirects(target: Target, status: number, location: string): Promise<Finding> {
  const seen = new Set([target.url.href])
  let from = target.url
  let to = from
  let next = location
  for (let hops = 1; ; hops += 1) {
    if (!URL.canParse(next, from.href))
      return fail(CHECK, 'redirect', `${status} to "${sanitize(next)}", which is not a URL`)
    to = new URL(next, from)
    const step = `${status} to ${sanitize(to.href)}`
    if (!/^https?:$/.test(to.protocol))
      return fail(CHECK, 'redirect', `${step}, which an EventSource does not follow`)
    if (seen.has(to.href)) return fail(CHECK, 'redirect-loop', `${step}, which is a loop`)
    if (hops > MAX_REDIRECTS)
      return fail(CHECK, 'redirect-loop', `${step}; the doctor stops after ${hops} redirects`)
    seen.add(to.href)
    // The user's headers may be secrets, so they are for the origin that the user named.
    const headers = to.origin === target.url.origin ? target.headers : {}
    const end = await open({ ...target, url: to, headers })
    if (typeof end === 'string')
      return fail(CHECK, 'redirect', `${status} to ${describe(target.url, to)}: ${end}`)
    next = end.next
    from = to
  }
}

/** Opens the target of a redirect: returns the next target, or a description of the response. */
async function open(target: Target): Promise<string | { next: string }> {
  let probe: Probe | undefined
  try {
    probe = await Probe.send(target)
    await probe.waitForHead(target.timeoutMs)
    const { recording } = probe
    if (recording === undefined) return 'no response'
    const { status } = recording.response
    const location = probe.header('location')
    if (status >= 300 && status < 400 && location !== undefined) return { next: location }
    const type = sanitize(probe.header('content-type') ?? 'without Content-Type')
    if (status === 200 && type.startsWith('text/event-stream')) {
      return 'an event stream. Use that URL in the page, because each reconnect follows the redirect again'
    }
    return `status ${status}, ${type}${type.startsWith('text/html') ? ', possibly a login page' : ''}`
  } catch (error) {
    return sanitize((error as Error).message)
  } finally {
    probe?.close()
  }
}

function describe(from: URL, to: URL): string {
  const isSame = from.host === to.host && from.pathname === to.pathname
  if (isSame && to.protocol === 'https:' && from.protocol === 'http:') return `${sanitize(to.href)} (TLS)`
  if (from.host === to.host && to.pathname === `${from.pathname}/`)
    return `${sanitize(to.href)} (with a trailing slash)`
  return sanitize(to.href)
}
