// A process of clients. The bench controls it over IPC, and it exits when the channel closes.
import { connect, type Socket } from 'node:net'
import { Verifier } from './verifier.ts'

/** Commands of the bench. */
export type Order =
  | {
      do: 'open'
      port: number
      /** Paths of the connections, one for each. */
      paths: readonly string[]
      bytes: number
      /** Local addresses of the connections: each address has its own ports. */
      from: string
      /** Number of events after which to report that all connections have them. */
      step: number
    }
  | { do: 'check'; due: number }
  | { do: 'close' }

/** Answers of the load. `fault` describes an unexpected or missing message of a connection. */
export type Answer =
  | { opened: true }
  | { reached: number }
  | { checked: number }
  | { closed: true }
  | { fault: string }

/** Maximum number of connections opened at a time, because the accept queue of a listener is short. */
const AT_ONCE = 64

// Ignores errors, because after the exit of the bench no process receives the answer.
const say = (answer: Answer) => process.send?.(answer, undefined, undefined, () => {})
// One buffer for all connections, because every callback consumes its bytes before the next read.
const buffer = Buffer.allocUnsafe(262_144)
let clients: { verifier: Verifier; socket: Socket }[] = []
let target = 0
let behind = 0
let step = 1

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  if (order.do === 'open') void open(order)
  if (order.do === 'check') check(order.due)
  if (order.do === 'close') close()
})

async function open(order: Extract<Order, { do: 'open' }>): Promise<void> {
  step = order.step
  target = step
  behind = order.paths.length
  let next = 0
  const openSome = async () => {
    while (next < order.paths.length) {
      const i = next
      next += 1
      await openOne(i, order)
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, openSome))
    say({ opened: true })
  } catch (error) {
    say({ fault: (error as Error).message })
  }
}

function openOne(i: number, { port, paths, bytes, from }: Extract<Order, { do: 'open' }>): Promise<void> {
  return new Promise((resolve, reject) => {
    const verifier = new Verifier(bytes)
    const path = paths[i]
    const fail = (what: string) => {
      const error = new Error(`connection ${i} (${path}) ${what}`)
      if (verifier.isOpen) say({ fault: error.message })
      else reject(error)
      socket.destroy()
    }
    const callback = (size: number) => {
      const { received } = verifier
      try {
        verifier.take(buffer, size)
      } catch (error) {
        fail((error as Error).message)
        return true
      }
      if (verifier.isOpen) resolve()
      if (received < target && verifier.received >= target) arrive()
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', localAddress: from, onread: { buffer, callback } })
    socket.on('error', (error) => fail(`failed: ${error.message}`))
    socket.on('close', () => {
      if (clients[i]?.socket === socket) fail(`was closed after event ${verifier.received}`)
    })
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: text/event-stream\r\n\r\n`)
    clients[i] = { verifier, socket }
  })
}

function arrive(): void {
  behind -= 1
  if (behind > 0) return
  say({ reached: target })
  target += step
  behind = clients.reduce((sum, { verifier }) => sum + (verifier.received >= target ? 0 : 1), 0)
}

/** Names the first connection without exactly the due messages. */
function check(due: number): void {
  const i = clients.findIndex(({ verifier }) => verifier.received !== due)
  const received = clients[i]?.verifier.received
  if (received === undefined) say({ checked: due })
  else say({ fault: `connection ${i} has ${received} events of ${due}: event ${received + 1} is lost` })
}

function close(): void {
  const closing = clients
  clients = []
  for (const { socket } of closing) socket.destroy()
  say({ closed: true })
}
