// Program of the Pods in the rig's own test: it responds with its environment variables, token and mounted files.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'

const { HOST = '', LATE_MS = '0' } = process.env
const account = '/var/run/secrets/kubernetes.io/serviceaccount'
let isHealthy = true
/** Number of requests of each probe. */
const probes = { startup: 0, health: 0 }

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sample')
  switch (pathname) {
    case '/startz':
      probes.startup += 1
      response.end()
      break
    case '/healthz':
      probes.health += 1
      response.writeHead(isHealthy ? 200 : 500).end()
      break
    case '/sicken':
      isHealthy = false
      response.end()
      break
    case '/reach': {
      const socket = connect({ host: searchParams.get('host') ?? '', port: 8000, timeout: 500 })
      socket.on('connect', () => response.end('yes')).on('timeout', () => socket.destroy())
      socket.on('error', () => {}).on('close', () => response.end('no'))
      break
    }
    default: {
      const [token, ca, namespace] = ['token', 'ca.crt', 'namespace'].map((name) =>
        readFileSync(`${account}/${name}`, 'utf8'),
      )
      response.end(JSON.stringify({ pid: process.pid, env: process.env, token, ca, namespace, probes }))
    }
  }
})
setTimeout(() => server.listen(8000, HOST), Number(LATE_MS))
process.on('SIGTERM', () => {
  console.log('received SIGTERM')
  process.exit()
})
