// Opens so many TCP connections to a port from several loopback addresses, sends the same bytes on every other one,
// says so, and holds them until its standard input ends.
import { connect, type Socket } from 'node:net'

const ADDRESSES = 4
const AT_ONCE = 50

const [host = '', port = '', count = '0', bytes = ''] = process.argv.slice(2)
const sockets: Socket[] = []
let left = Number(count)
let closed = 0

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const isNoisy = left % 2 === 0
    const localAddress = `127.0.139.${1 + (left % ADDRESSES)}`
    const socket = connect({ host, port: Number(port), localAddress }, () => {
      if (isNoisy) socket.write(bytes)
      resolve()
    })
    socket.on('error', reject).on('close', () => {
      closed += 1
    })
    sockets.push(socket)
  })
}

async function openSome(): Promise<void> {
  for (; left > 0; ) {
    left -= 1
    await open()
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, openSome))
console.log(`holds ${sockets.length - closed}`)
process.stdin.resume().on('end', () => {
  process.exit(0)
})
