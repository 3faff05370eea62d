// A worker of node:cluster that starts while another still holds its internal port: prints the order of events.
import cluster from 'node:cluster'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'

if (cluster.isPrimary) {
  const first = cluster.fork()
  first.once('message', (text: string) => {
    console.log(`the first ${text}`)
    const second = cluster.fork()
    second.on('message', (text: string) => {
      console.log(`the second ${text}`)
      if (text === 'waits') first.process.kill('SIGTERM')
      else second.process.kill('SIGKILL')
    })
  })
  first.on('exit', () => console.log('the first exits'))
} else {
  process.on('warning', ({ message }) => {
    if (message.includes('internal port 7668 is in use')) process.send?.('waits')
  })
  const sser = new Sser({
    peerFinder: new StaticPeerFinder([]),
    internalPort: 7_668,
    logger: false,
    drainTimeoutMs: 0,
    flushTimeoutMs: 0,
  })
  const server = await serve({ sser, fetch: () => new Response('app'), hostname: '127.0.66.8', port: 8_668 })
  process.send?.('serves')
  process.once('SIGTERM', () => void server.stop().then(() => process.exit()))
}
