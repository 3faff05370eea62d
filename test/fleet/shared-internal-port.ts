// Two workers of node:cluster that are given one internal port: says what became of each.
import cluster from 'node:cluster'
import { Sser, StaticPeerFinder } from '../../src/index.ts'
import { serve } from '../../src/node.ts'

if (cluster.isPrimary) {
  const says: string[] = []
  const workers = [cluster.fork(), cluster.fork()]
  for (const worker of workers) {
    worker.on('message', (text: string) => {
      says.push(text)
      if (says.length < 2) return
      console.log(says.sort().join('\n'))
      for (const each of workers) each.process.kill('SIGKILL')
      process.exit()
    })
  }
} else {
  const sser = new Sser({ peerFinder: new StaticPeerFinder([]), internalPort: 7_668, logger: false })
  await serve({ sser, fetch: () => new Response('app'), hostname: '127.0.66.8', port: 8_668 }).then(
    () => process.send?.('serves'),
    (error: Error & { code: string }) => process.send?.(`${error.code}: ${error.message}`),
  )
}
