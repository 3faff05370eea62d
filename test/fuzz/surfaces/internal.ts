import { StaticPeerFinder } from '../../../src/index.ts'
import { parseAppend } from '../../../src/wire/append-message.ts'
import { newSser } from '../../support/settings.ts'
import { StepClock } from '../step-clock.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'
import { APPEND, APPEND_WORDS } from '../words.ts'

interface Answered {
  status: number
  text: string
  path: string
  wasReady: boolean
}

const PATHS = ['/api/json/v1/send', '/api/json/v2/append']

/** A request to the internal port: path, method, headers and body. */
export const internal: Surface<Answered | undefined> = {
  name: 'internal',
  corpus: [
    { path: PATHS[0] as string, body: '{"stream":"a","msg":"hello"}' },
    { path: PATHS[1] as string, body: JSON.stringify(APPEND) },
    {
      path: PATHS[1] as string,
      body: '{"v":2,"epoch":"Zr7b0","position":{},"runs":[],"hydrate":true}',
      length: '62',
    },
    { path: PATHS[0] as string, breaks: true },
    { path: PATHS[1] as string, body: '{}', target: 'b0b', encoding: 'gzip', type: 'text/plain' },
  ],
  words: [...PATHS, ...APPEND_WORDS, 'length', 'target', 'encoding', 'latin1', 'method', 'PUT', '9999999999'],
  async run(input) {
    const asked = requestOf(input)
    if (asked === undefined) return undefined
    const clock = new StepClock()
    const sser = newSser({
      peerFinder: new StaticPeerFinder([]),
      clock,
      logger: false,
      drainTimeoutMs: 0,
      flushTimeoutMs: 0,
    })
    await sser.start()
    const response = await sser.internalRoutes.fetch(asked)
    const text = await response.text()
    return { status: response.status, text, path: new URL(asked.url).pathname, wasReady: sser.isReady }
  },
  invariant(answered) {
    if (answered === undefined) return undefined
    const { status, text, path, wasReady } = answered
    if (!wasReady) return 'the Pod is no longer ready'
    if (![200, 400, 403, 404, 411, 413, 415].includes(status)) return `status ${status}`
    if (path !== PATHS[1]) return undefined
    // The answer must be a message that the Pod itself would accept.
    if (status === 200) parseAppend(text)
    if (status === 400 && typeof JSON.parse(text).code !== 'string') return 'a refusal without a code'
    return undefined
  },
}

/** Undefined where no peer could ask so. */
function requestOf(input: Json): Request | undefined {
  const fields = fieldsOf(input)
  const { path = '/', method = 'POST', length, target, encoding, type } = fields
  try {
    const headers = new Headers({ 'content-type': textOf(type ?? 'application/json') })
    if (length !== undefined) headers.set('content-length', textOf(length))
    if (target !== undefined) headers.set('sser-target', textOf(target))
    if (encoding !== undefined) headers.set('content-encoding', textOf(encoding))
    return new Request(`http://pod${path}`, {
      method: textOf(method),
      headers,
      body: bodyOf(fields),
      ...(fields.breaks !== undefined && { duplex: 'half' as const }),
    })
  } catch {
    return undefined
  }
}

function bodyOf({ body = '', latin1, breaks }: { [key: string]: Json }): BodyInit {
  if (breaks !== undefined)
    return new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
  return latin1 === undefined ? textOf(body) : Buffer.from(textOf(body), 'latin1')
}
