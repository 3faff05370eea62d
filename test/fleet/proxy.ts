import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP server whose whole behaviour is one function: for peers that are no Pods. */
export class TcpServer {
  readonly host: string
  readonly sockets = new Set<Socket>()
  /** Connections accepted so far. */
  accepted = 0
  readonly #address: string
  readonly #port: number
  readonly #onSocket: (socket: Socket) => void
  #server: Server | undefined

  private constructor(address: string, port: number, onSocket: (socket: Socket) => void) {
    this.host = `${address}:${port}`
    this.#address = address
    this.#port = port
    this.#onSocket = onSocket
  }

  static async listen(address: string, port: number, onSocket: (socket: Socket) => void): Promise<TcpServer> {
    const server = new TcpServer(address, port, onSocket)
    await server.restore()
    return server
  }

  /** A proxy whose connections a test can cut; `target` may change from connection to connection. */
  static proxy(
    address: string,
    port: number,
    target: { host: string; port: number } | (() => { host: string; port: number }),
  ): Promise<TcpServer> {
    return TcpServer.listen(address, port, (socket) => {
      const onward = connect(typeof target === 'function' ? target() : target)
      onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
      socket.on('close', () => onward.destroy())
      socket.pipe(onward).pipe(socket)
    })
  }

  /** Resets open connections and refuses new ones. */
  async cut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    for (const socket of this.sockets) socket.resetAndDestroy()
    if (server !== undefined) await new Promise((resolve) => server.close(resolve))
  }

  async restore(): Promise<void> {
    const server = createServer((socket) => {
      this.accepted += 1
      this.sockets.add(socket)
      socket.on('error', () => {}).on('close', () => this.sockets.delete(socket))
      this.#onSocket(socket)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.#port, this.#address, resolve)
    })
    this.#server = server
  }
}
