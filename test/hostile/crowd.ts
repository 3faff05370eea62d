// Opens so many TCP connections to a port from several loopback addresses, sends the same bytes on every other one,
// says so, and holds them until its standard input ends.
import { connect } from 'node:net'

const ADDRESSES = 4
const AT_ONCE = 50

const [host = '', port = '', count = '0', bytes = ''] = process.argv.slice(2)
let left = Number(count)
let opened = 0

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const isNoisy = left % 2 === 0
    const localAddress = `127.0.139.${1 + (left % ADDRESSES)}`
    const socket = connect({ host, port: Number(port), localAddress }, () => {
      if (isNoisy) socket.write(bytes)
      opened += 1
      resolve()
    })
    // A Pod may end what says nothing for long.
    socket.on('error', reject)
  })
}

async function openSome(): Promise<void> {
  for (; left > 0; ) {
    left -= 1
    await open()
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, openSome))
console.log(`opened ${opened}`)
process.stdin.resume().on('end', () => {
  process.exit(0)
})
