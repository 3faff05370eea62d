// A Pod without a library, for the least that a chunk costs: `res.write()` to its reader, and where the reader is on another
// Pod, one line of a request that stays open, which leaves with the other lines of a millisecond.
import { type ClientRequest, createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { obey } from './command.ts'

const { HOST = '', HOSTS = '' } = process.env
const PORT = 7147
const GATHER_MS = 1
const FROM = 'x-from'

/** The lines for one other Pod. */
class Peer {
  readonly #host: string
  #request: ClientRequest | undefined
  #lines = ''

  constructor(host: string) {
    this.#host = host
  }

  send(line: string): void {
    if (this.#lines === '') setTimeout(() => this.#flush(), GATHER_MS)
    this.#lines += `${line}\n`
  }

  #flush(): void {
    const options = { host: this.#host, port: PORT, method: 'POST', headers: { [FROM]: HOST }, agent: false }
    this.#request ??= request(options).on('error', () => {})
    this.#request.write(this.#lines)
    this.#lines = ''
  }
}

const peers = new Map(HOSTS.split(',').flatMap((host) => (host === HOST ? [] : [[host, new Peer(host)]])))
/** The readers on this Pod, and the Pods of the others, by the name of the run. */
const readers = new Map<string, ServerResponse>()
const readingPeers = new Map<string, Peer>()

/** Passes the next frame of a run to its reader; the empty text is the end. */
function deliver(name: string, frame: string): void {
  const reader = readers.get(name)
  if (frame === '') reader?.end()
  else reader?.write(frame)
}

/** Takes a line of a peer: the name of a run that it reads, the answer to that, or the next chunk of a run that it writes. */
function onLine(line: string, from: Peer): void {
  const [name = '', index, chunk = ''] = line.split('\t')
  if (index === undefined) {
    if (!own.has(name)) return
    readingPeers.set(name, from)
    from.send(`${name}\t`)
  } else if (index === '') readers.get(name)?.flushHeaders()
  else deliver(name, chunk === '' ? '' : frameOf(Number(index), chunk))
}

function frameOf(index: number, chunk: string): string {
  return `id: ${index.toString(36)}.abc\ndata: ${chunk}\n\n`
}

const own = new Set<string>()
// The requests between the Pods never end.
const internal = createServer({ requestTimeout: 0 }, (incoming) => {
  const from = peers.get(incoming.headers[FROM] as string) as Peer
  let rest = ''
  incoming.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    for (const line of lines) onLine(line, from)
  })
})
await new Promise<void>((resolve) => internal.listen(PORT, HOST, resolve))

const server = createServer(({ url = '' }, response) => {
  const name = url.split('/').at(-1) as string
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  readers.set(name, response)
  if (own.has(name)) response.flushHeaders()
  else for (const peer of peers.values()) peer.send(name)
})
await new Promise<void>((resolve) => server.listen(0, HOST, resolve))

await obey({
  url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
  async open(name) {
    own.add(name)
    let index = 0
    const write = (chunk: string) => {
      const peer = readingPeers.get(name)
      if (peer === undefined) deliver(name, chunk === '' ? '' : frameOf(index, chunk))
      else peer.send(`${name}\t${index}\t${chunk}`)
      index += 1
    }
    return { write, end: () => write('') }
  },
})
