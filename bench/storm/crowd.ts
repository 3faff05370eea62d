// A process of reconnecting clients: each sends the same `Last-Event-ID`, and must receive the same events and no gap.
import { connect } from 'node:net'

/** Commands of the bench, by IPC; this process ends with the channel. */
export interface Order {
  port: number
  lastEventId: string
  clients: number
  /** Time over which the clients connect, in milliseconds. */
  overMs: number
  /** Number of events that each client must receive. */
  events: number
  /** Start of the last event. */
  last: string
}

export type Outcome = { served: number } | { fault: string }

/** Number of local addresses of the clients; several, because the kernel finds a free port faster. */
const ADDRESSES = 100

const say = (outcome: Outcome) => process.send?.(outcome, undefined, undefined, () => {})

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  const start = performance.now()
  let connected = 0
  let served = 0
  const tick = setInterval(() => {
    const due = Math.min(
      order.clients,
      Math.ceil(((performance.now() - start) / order.overMs) * order.clients),
    )
    for (; connected < due; connected += 1) {
      reconnect(order, `127.0.2.${1 + (connected % ADDRESSES)}`).then(
        () => {
          served += 1
          if (served === order.clients) say({ served })
        },
        (error: Error) => say({ fault: error.message }),
      )
    }
    if (connected === order.clients) clearInterval(tick)
  }, 1)
})

/** Connects a client; resolves when it has received its missed events. The connection stays open. */
function reconnect({ port, lastEventId, events, last }: Order, from: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    const id = lastEventId === '' ? '' : `Last-Event-ID: ${lastEventId}\r\n`
    socket.write(`GET /events?stream=storm HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n${id}\r\n`)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (!text.includes(last)) return
      const got = text.split('\ndata: <').length - 1
      if (text.includes('sser-gap') || got !== events)
        reject(new Error(`a client got ${got} events of ${events}`))
      else resolve()
      socket.removeAllListeners('data').resume()
      text = ''
    })
    socket.on('error', reject)
  })
}
