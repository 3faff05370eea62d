// Opens so many TCP connections to a port, sends the same bytes on every other one, says how many it has when it has
// all, or the time is up, and holds them until its standard input ends.

import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const AT_ONCE = 50
/** A queue that is full makes the kernel wait for seconds before it knocks again: the Pod is to be full, not the queue. */
const PAUSE_MS = 10
const MAX_MS = 30_000

const [host = '', port = '', count = '0', bytes = ''] = process.argv.slice(2)
let left = Number(count)
let opened = 0

function open(): Promise<void> {
  return new Promise((resolve) => {
    const isNoisy = left % 2 === 0
    // From any port: with a local address, ports of closed connections (TIME_WAIT) would be in the way.
    const socket = connect({ host, port: Number(port) }, () => {
      if (isNoisy) socket.write(bytes)
      opened += 1
      if (opened === Number(count)) say()
      resolve()
    })
    // A Pod may close connections that stay silent.
    socket.on('error', () => resolve())
  })
}

async function openSome(): Promise<void> {
  for (; left > 0; ) {
    left -= 1
    await open()
    await pause(PAUSE_MS)
  }
}

function say(): void {
  clearTimeout(timer)
  left = 0
  console.log(`opened ${opened}`)
}

const timer = setTimeout(say, MAX_MS)
for (let i = 0; i < AT_ONCE; i += 1) void openSome()
process.stdin.resume().on('end', () => process.exit(0))
