// The thread of a balancer. Node accepts one connection in each turn of the event loop: among the clients, the Pods' log
// and the apiserver's watches, which the test's own thread serves, connections would wait for seconds to be accepted.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'

/** Until a node that is lost is known to be, connections go to its Pods, too. Envoy waits as long by default. */
const CONNECT_MS = 5_000

/** Where a connection may go. */
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
  // As far as clients see, a Pod that dies resets its connections.
  onward.on('close', (hadError) => (hadError ? socket.resetAndDestroy() : socket.destroySoon()))
  socket.pipe(onward).pipe(socket)
}

parentPort?.on('message', (next: readonly Target[]) => {
  targets = next
})
const server = createServer({ noDelay: true }, accept)
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port))
