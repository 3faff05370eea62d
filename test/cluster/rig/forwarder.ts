// The thread of a balancer. It is separate because Node accepts one connection in each turn of the event loop: in the
// test's thread, which serves the clients, the Pods' logs and the apiserver's watches, a connection would wait for
// seconds.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'

/**
 * Connections also go to the Pods of a lost node until the control plane notices the loss. Envoy has the same default.
 */
const CONNECT_MS = 5_000

/** Address that a connection is forwarded to. */
export interface Target {
  host: string
  port: number
}

let targets: readonly Target[] = []
let turn = 0

function accept(socket: Socket): void {
  socket.on('error', () => {})
  turn += 1
  const target = targets[turn % targets.length]
  if (target === undefined) {
    socket.resetAndDestroy()
    return
  }
  const onward = connect({ ...target, noDelay: true })
  onward.on('error', () => {})
  onward.setTimeout(CONNECT_MS, () => onward.destroy(new Error('No answer')))
  onward.once('connect', () => onward.setTimeout(0))
  socket.on('close', () => onward.destroy())
  // Resets the connection of the client, as a killed Pod would.
  onward.on('close', (hadError) => (hadError ? socket.resetAndDestroy() : socket.destroySoon()))
  socket.pipe(onward).pipe(socket)
}

parentPort?.on('message', (next: readonly Target[]) => {
  targets = next
})
const server = createServer({ noDelay: true }, accept)
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
