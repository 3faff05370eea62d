import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Clock } from '../../../src/clock.ts'
import { Call } from './call.ts'

export const CA: string = readFileSync(new URL('./tls/server.crt', import.meta.url), 'utf8')
export const OTHER_CA: string = readFileSync(new URL('./tls/other-ca.crt', import.meta.url), 'utf8')
/** Certificates for {@link KEY}: not valid yet, expired, and for another address. */
export const FUTURE: string = readFileSync(new URL('./tls/future.crt', import.meta.url), 'utf8')
export const EXPIRED: string = readFileSync(new URL('./tls/expired.crt', import.meta.url), 'utf8')
export const OTHER_NAME: string = readFileSync(new URL('./tls/other-name.crt', import.meta.url), 'utf8')
export const KEY: string = readFileSync(new URL('./tls/server.key', import.meta.url), 'utf8')

/** The server's time at 0 ms of the test's clock. */
const EPOCH = Date.parse('2026-11-24T12:00:00Z')

/** An object of the API, with the fields that this server reads. */
export interface StoredObject {
  metadata: { uid: string; name: string; resourceVersion?: string }
}

/**
 * A fake API server with TLS and one resource. It lists, watches and resumes as the real one does, unless a test sets
 * other responses. It writes HTTP by hand, so that a response can be malformed in every way.
 */
export class ApiServer {
  /** Every request, in order of arrival. */
  readonly calls: Call[] = []
  /** Number of connections accepted. */
  connections = 0
  /** Responds to every request, if set. */
  rule: ((call: Call) => void) | undefined
  version = 100
  /** Whether responses have a `Date`. */
  hasDate = true
  readonly #clock: Clock
  readonly #server: Server
  readonly #script: ((call: Call) => void)[] = []
  readonly #objects = new Map<string, StoredObject>()
  readonly #history: { version: number; type: string; object: StoredObject }[] = []
  readonly #watches = new Set<Call>()
  readonly #sockets = new Set<TLSSocket>()
  readonly #rawSockets = new Map<number | undefined, Socket>()

  private constructor(clock: Clock) {
    this.#clock = clock
    this.#server = createServer(
      { cert: CA, key: KEY, requestCert: true, rejectUnauthorized: false },
      (socket) => this.#accept(socket),
    )
    // Keeps the plain socket under TLS, because Node can reset no other.
    this.#server.on('connection', (raw: Socket) => this.#rawSockets.set(raw.remotePort, raw))
    this.#server.on('tlsClientError', () => {})
  }

  static async start(clock: Clock): Promise<ApiServer> {
    const api = new ApiServer(clock)
    await api.open(0)
    return api
  }

  /** Uses this certificate from the next connection on. */
  show(cert: string): void {
    this.#server.setSecureContext({ cert, key: KEY })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Number of open connections. */
  get openConnections(): number {
    return this.#sockets.size
  }

  /** This server's time at `ms` of the test's clock. */
  time(ms = this.#clock.now()): string {
    return new Date(EPOCH + ms).toISOString().replace(/\.\d+Z$/, 'Z')
  }

  /** Sets the responses to the next requests, one each. */
  script(...answers: ((call: Call) => void)[]): void {
    this.#script.push(...answers)
  }

  /** Stores an object, and sends an event to every watch. */
  put(object: StoredObject): void {
    const type = this.#objects.has(object.metadata.uid) ? 'MODIFIED' : 'ADDED'
    this.#objects.set(object.metadata.uid, this.#tell(type, object))
  }

  /** Deletes an object, and sends an event to every watch. */
  remove(uid: string): void {
    const object = this.#objects.get(uid)
    if (object === undefined) return
    this.#objects.delete(uid)
    this.#tell('DELETED', object)
  }

  /** Stores these objects and no others. */
  replace(objects: readonly StoredObject[]): void {
    const uids = objects.map(({ metadata }) => metadata.uid)
    for (const uid of this.#objects.keys()) if (!uids.includes(uid)) this.remove(uid)
    for (const object of objects) this.put(object)
  }

  /** Replaces the stored objects without an event. */
  forget(uid: string): void {
    this.#objects.delete(uid)
    this.version += 1
  }

  /** Ends every watch. */
  endWatches(how: 'end' | 'cut' | 'reset' = 'end'): void {
    const watches = [...this.#watches]
    this.#watches.clear()
    for (const watch of watches) watch[how]()
  }

  bookmark(): void {
    this.version += 1
    for (const watch of this.#watches)
      watch.send('BOOKMARK', { metadata: { resourceVersion: `${this.version}` } })
  }

  /** Body of a list response. */
  listBody(): object {
    return {
      kind: 'PodList',
      metadata: { resourceVersion: `${this.version}` },
      items: [...this.#objects.values()],
    }
  }

  /** Listens, again after a `close()`. */
  open(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #tell(type: string, object: StoredObject): StoredObject {
    this.version += 1
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: `${this.version}` } }
    this.#history.push({ version: this.version, type, object: stored })
    for (const watch of this.#watches) watch.send(type, stored)
    return stored
  }

  #accept(socket: TLSSocket): void {
    this.connections += 1
    const { connections: connection } = this
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    const reset = () => (this.#rawSockets.get(socket.remotePort) ?? socket).resetAndDestroy()
    let text = ''
    socket.on('data', (data: Buffer) => {
      text += data.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end)
        text = text.slice(end + 4)
        const date = () => (this.hasDate ? new Date(EPOCH + this.#clock.now()).toUTCString() : undefined)
        this.#answer(new Call({ head, at: this.#clock.now(), connection, socket, date, reset }))
      }
    })
  }

  #answer(call: Call): void {
    const scripted = this.#script.shift() ?? this.rule
    // The response is sent before a test sees the call.
    if (scripted !== undefined) scripted(call)
    else if (call.isWatch) this.watch(call)
    else call.reply(200, this.listBody())
    this.calls.push(call)
  }

  /** Responds correctly: a watch gets the events since its version, and later ones. */
  watch(call: Call): void {
    call.open()
    for (const { version, type, object } of this.#history) {
      if (version > Number(call.from)) call.send(type, object)
    }
    this.#watches.add(call)
  }
}
