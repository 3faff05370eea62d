// The control without sser: like the Go package, one event per request, one peer after another.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { obey } from './command.ts'
import { Listeners } from './listeners.ts'

const { HOST = '', HOSTS = '' } = process.env
const peers = HOSTS.split(',').filter((host) => host !== HOST)
const listeners = new Listeners()

createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  listeners.deliver((JSON.parse(text) as { msg: string }).msg)
  response.writeHead(200, { 'content-length': '0' }).end()
}).listen(7148, HOST)
const server = createServer((_, response) => listeners.add(response))
await new Promise<void>((resolve) => server.listen(0, HOST, resolve))

await obey({
  url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
  async send(stream, msg) {
    listeners.deliver(msg)
    const body = JSON.stringify({ stream, msg })
    for (const peer of peers) {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`http://${peer}:7148/`, { method: 'POST', headers, body })
      await response.text()
    }
  },
  isSequential: true,
  lag: () => 0,
})
