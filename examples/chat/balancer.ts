import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { Fleet, Pod } from './fleet.ts'

const HOST = '127.0.0.1'
const PAGE = new URL('./page/', import.meta.url)
/** The modules of `sser/client`, for the page. An app has a bundler for this. */
const PACKAGE = new URL('./', import.meta.resolve('sser/client'))
const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css',
  js: 'text/javascript',
  svg: 'image/svg+xml',
}

/**
 * A balancer without sticky sessions, for this machine alone: each request of a URL goes to the next Pod that runs, so that
 * a reload never reaches the Pod of before. It also serves the page, and the page's view of the Pods at `/fleet`.
 */
export class Balancer {
  readonly #fleet: Fleet
  readonly #server: Server
  /** The Pod that served a URL last. */
  readonly #last = new Map<string, number>()
  #turn = 0

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.#server = createServer((incoming, response) => this.#serve(incoming, response))
  }

  listen(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const isTaken = error.code === 'EADDRINUSE'
        reject(isTaken ? new Error(`port ${port} is in use; set PORT to another one`) : error)
      })
      this.#server.listen(port, HOST, () => {
        resolve(`http://${HOST}:${(this.#server.address() as { port: number }).port}`)
      })
    })
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(incoming.url ?? '/', `http://${HOST}`)
    const [, kind, number] = pathname.split('/')
    if (isForeign(incoming)) response.writeHead(403).end('Only the page itself may do this\n')
    else if (kind === 'api') this.#forward(incoming, response)
    else if (kind === 'fleet') this.#answerFleet(response)
    else if (kind === 'pods' && incoming.method === 'POST') {
      this.#fleet.kill(Number(number))
      response.writeHead(204).end()
    } else void servePage(pathname, response)
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const path = incoming.url as string
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.once('end', () => {
      const attempt = (left: readonly Pod[]) => {
        const [pod, ...others] = left
        if (pod === undefined) {
          response.writeHead(503, { 'retry-after': '1' }).end('No Pod runs\n')
          return
        }
        const { method, url, headers } = incoming
        const upstream = request(
          { host: HOST, port: pod.port as number, method, path: url, headers },
          (answer) => {
            this.#last.set(path, pod.number)
            response.writeHead(answer.statusCode as number, { ...answer.headers, 'x-pod': `${pod.number}` })
            answer.pipe(response)
            answer.once('error', () => response.destroy())
          },
        )
        response.once('close', () => upstream.destroy())
        upstream.once('error', () => {
          // Only a request that no Pod has answered may go to another one.
          if (response.headersSent) response.destroy()
          else if (!response.destroyed) attempt(others)
        })
        upstream.end(Buffer.concat(chunks))
      }
      attempt(this.#candidates(path))
    })
  }

  /** The Pods that run, beginning with the one after the last one of this URL. */
  #candidates(path: string): Pod[] {
    this.#turn = (this.#turn % this.#fleet.pods.length) + 1
    const last = this.#last.get(path) ?? this.#turn
    const pods = this.#fleet.pods.filter(({ state }) => state === 'running')
    return [...pods.filter(({ number }) => number > last), ...pods.filter(({ number }) => number <= last)]
  }

  #answerFleet(response: ServerResponse): void {
    const view = this.#fleet.pods.map(({ number, state }) => ({ number, state }))
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(JSON.stringify(view))
  }
}

/** These switches kill processes, and any web page can aim a request at a local port. */
function isForeign({ headers }: IncomingMessage): boolean {
  const { host = '', origin, 'sec-fetch-site': site } = headers
  if (!/^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(host)) return true
  return (
    (origin !== undefined && origin !== `http://${host}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  )
}

async function servePage(pathname: string, response: ServerResponse): Promise<void> {
  const [, folder, path] = /^\/(sser\/)?((?:[\w-]+\/)*[\w-]+\.[a-z]+)?$/.exec(pathname) ?? []
  const name = path ?? 'index.html'
  const type = TYPES[name.split('.').at(-1) as string]
  try {
    if (type === undefined) throw new Error(`${pathname} is no page`)
    const body = await readFile(new URL(name, folder === undefined ? PAGE : PACKAGE))
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' }).end(body)
  } catch {
    response.writeHead(404).end()
  }
}
