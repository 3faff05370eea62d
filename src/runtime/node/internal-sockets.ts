import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** How long a connection that no peer has used may be quiet, in milliseconds. */
const IDLE_MS = 10_000
/** Connections of one address, and of all, that no peer has used. */
const MAX_PER_ADDRESS = 256
const MAX_SOCKETS = 1_024

/**
 * The connections of an internal port. Connections that a peer has used have no limit, because Go Pods keep theirs
 * forever, and lose a message that meets a closing connection. Other connections are closed if they are idle, or too
 * many.
 */
export class InternalSockets {
  /** Sockets that no peer has used, with their addresses; the oldest socket comes first. */
  readonly #strangers = new Map<Socket, string>()
  /** How many each address has. */
  readonly #counts = new Map<string, number>()

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const address = socket.remoteAddress ?? ''
      this.#strangers.set(socket, address)
      this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1)
      socket.setTimeout(IDLE_MS)
      socket.once('close', () => this.#forget(socket))
      const isFull = this.#strangers.size > MAX_SOCKETS
      if (isFull || (this.#counts.get(address) ?? 0) > MAX_PER_ADDRESS)
        this.#closeOldest(isFull ? this.#heaviest() : address)
    })
  }

  /** A peer was heard on this connection. */
  trust(socket: Socket): void {
    if (this.#forget(socket)) socket.setTimeout(0)
  }

  #forget(socket: Socket): boolean {
    const address = this.#strangers.get(socket)
    if (address === undefined) return false
    this.#strangers.delete(socket)
    const left = (this.#counts.get(address) ?? 0) - 1
    if (left > 0) this.#counts.set(address, left)
    else this.#counts.delete(address)
    return true
  }

  /** The address that has most connections. */
  #heaviest(): string {
    let heaviest = ''
    for (const [address, count] of this.#counts)
      if (count > (this.#counts.get(heaviest) ?? 0)) heaviest = address
    return heaviest
  }

  #closeOldest(of: string): void {
    for (const [socket, address] of this.#strangers) {
      if (address !== of) continue
      this.#forget(socket)
      socket.destroy()
      return
    }
  }
}
