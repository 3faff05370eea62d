// The alternative to sser between Pods: each Pod publishes to Redis, and subscribes there.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'redis'
import { obey } from './command.ts'
import { STREAM } from './event.ts'
import { Listeners } from './listeners.ts'

const { HOST = '', REDIS = '' } = process.env
const listeners = new Listeners()
const publisher = createClient({ url: REDIS })
const subscriber = publisher.duplicate()
await publisher.connect()
await subscriber.connect()
await subscriber.subscribe(STREAM, (msg) => listeners.deliver(msg))
const server = createServer((_, response) => listeners.add(response))
await new Promise<void>((resolve) => server.listen(0, HOST, resolve))

await obey({
  url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
  // The client writes the commands of one turn together, without waiting for replies.
  send: (stream, msg) => publisher.publish(stream, msg),
  lag: () => 0,
})
