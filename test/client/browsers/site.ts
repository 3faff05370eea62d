import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { PodProcess } from '../../support/pod-process.ts'
import { within } from '../../support/until.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PORT = 8191

/** A page with the client. `open()` listens, and records what the client delivers. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  import { connect } from '/src/client.ts'
  window.seen = {}
  window.states = []
  window.gaps = []
  window.errors = []
  window.headerCalls = []
  window.listen = (stream) => {
    seen[stream] ??= []
    return client.stream(stream).on((value, { id }) => {
      seen[stream].push(value)
      window.lastId = id
    })
  }
  window.open = (options, streams) => {
    const { token, url = '/events', ...rest } = options
    if (token !== undefined) rest.headers = ({ status }) => {
      headerCalls.push(status)
      if (status === 401) sessionStorage.token = 'new'
      return { authorization: sessionStorage.token ?? token }
    }
    window.client = connect(url, {
      ...rest,
      onGap: ({ reason }) => gaps.push(reason),
      onError: ({ code, message }) => errors.push(code + ': ' + message),
    })
    client.state.subscribe((state) => states.push(state))
    for (const stream of streams) listen(stream)
  }
  window.connect = connect
  window.isReady = true
</script>`

const PAGES: Readonly<Record<string, string>> = {
  '/': PAGE,
  '/frames': `<!doctype html><link rel="icon" href="data:,">${'<iframe src="/"></iframe>'.repeat(3)}`,
  '/other': '<!doctype html><link rel="icon" href="data:,">',
}

/** A request for events that reached the site. */
export interface EventsRequest {
  readonly url: string
  readonly lastEventId: string | undefined
  readonly authorization: string | undefined
  isOpen: boolean
}

/** One origin with a page, the modules of the client, and the events of several Pods behind a balancer. */
export class Site {
  readonly url: string
  readonly requests: EventsRequest[] = []
  /** Pods that get requests, in turn. */
  readonly pods: PodProcess[] = []
  /** True: answers a request for events with this status. */
  status: number | undefined
  /** Called for the credentials of a request; a status refuses it. */
  guard: ((authorization: string | undefined, url: string) => number | undefined) | undefined
  /** Headers of every page. */
  headers: Record<string, string> = {}
  /** True: the pages are those of the Pods as well; `/sser/` has the client. */
  forwardsAll = false
  /** Whether the worker's script exists. */
  hasWorker = true
  readonly #server: Server
  readonly #responses = new Set<ServerResponse>()
  #turn = 0

  private constructor(host: string) {
    this.url = `http://${host}:${PORT}`
    this.#server = createServer((incoming, outgoing) => void this.#answer(incoming, outgoing))
  }

  static async listen(host: string, pods: readonly PodProcess[]): Promise<Site> {
    const site = new Site(host)
    site.pods.push(...pods)
    await new Promise<void>((resolve, reject) => {
      site.#server.once('error', reject).listen(PORT, host, resolve)
    })
    return site
  }

  /** Open requests for events. */
  get open(): EventsRequest[] {
    return this.requests.filter(({ isOpen }) => isOpen)
  }

  /** Forwards no further byte on the open responses, and tells no side. */
  goSilent(): void {
    for (const response of this.#responses) response.emit('silence')
  }

  /** Resets the open responses. */
  cut(): void {
    for (const response of this.#responses) response.destroy()
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await within('the site closes', closed)
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { pathname } = new URL(incoming.url ?? '', this.url)
    if (this.forwardsAll && pathname.startsWith('/sser/'))
      return this.#sendModule(pathname.replace('/sser/', '/src/'), outgoing)
    if (pathname === '/events' || this.forwardsAll) return this.#forward(incoming, outgoing)
    const page = PAGES[pathname]
    if (page !== undefined) {
      outgoing.writeHead(200, { 'content-type': 'text/html', ...this.headers }).end(page)
      return
    }
    return this.#sendModule(pathname, outgoing)
  }

  async #sendModule(pathname: string, outgoing: ServerResponse): Promise<void> {
    try {
      if (pathname.endsWith('/worker.js') && !this.hasWorker) throw new Error('no such script')
      const text = await this.#module(pathname)
      outgoing.writeHead(200, { 'content-type': 'text/javascript', 'cache-control': 'no-cache' }).end(text)
    } catch {
      outgoing.writeHead(404).end()
    }
  }

  async #module(path: string): Promise<string> {
    // The package has JavaScript where the sources have TypeScript.
    const source = await readFile(ROOT + path.replace(/\.js$/, '.ts'), 'utf8')
    return stripTypeScriptTypes(source)
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { authorization, 'last-event-id': lastEventId } = incoming.headers
    const asked: EventsRequest = {
      url: incoming.url ?? '',
      lastEventId: lastEventId as string | undefined,
      authorization,
      isOpen: true,
    }
    if (asked.url.startsWith('/events')) this.requests.push(asked)
    outgoing.once('close', () => {
      asked.isOpen = false
      this.#responses.delete(outgoing)
    })
    const refusal = this.status ?? this.guard?.(authorization, asked.url)
    const pod = this.pods[this.#turn++ % this.pods.length]
    if (refusal !== undefined || pod === undefined) {
      outgoing.writeHead(refusal ?? 502).end()
      return
    }
    this.#responses.add(outgoing)
    const headers = { ...incoming.headers, host: new URL(pod.url).host }
    const onward = request(pod.url + incoming.url, { headers, agent: false }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      outgoing.flushHeaders()
      response.on('error', () => outgoing.destroy())
      response.pipe(outgoing)
      outgoing.once('silence', () => response.unpipe(outgoing))
    })
    onward.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()))
    outgoing.once('close', () => onward.destroy())
    onward.end()
  }
}
