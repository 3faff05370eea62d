import { spawn } from 'node:child_process'
import { getRequestListener } from '@hono/node-server'
import { afterEach, describe, expect, it } from 'vitest'
import { endAppServers, quickSser, serveBy } from '../support/app-server.ts'
import { within } from '../support/until.ts'

afterEach(endAppServers)

describe.each(['node', 'bun'])('the client under %s', (runtime) => {
  it('receives events over a socket, comes back after a cut, and ends its process', async () => {
    const sser = quickSser({ retryMs: 50 })
    await sser.start()
    const cuts: (() => void)[] = []
    const answer = getRequestListener((request) => sser.handler(request))
    const url = await serveBy((incoming, outgoing) => {
      cuts.push(() => incoming.socket.destroy())
      void answer(incoming, outgoing)
    })
    const child = spawn(runtime, ['test/client/listener.ts', url], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (chunk.includes('live')) void sser.send('numbers', String(output.match(/live/g)?.length))
      if (chunk.includes('event 1')) cuts[0]?.()
    })
    const code = await within('the process ends', new Promise((resolve) => child.once('exit', resolve)))
    expect({ code, events: output.match(/event \d/g) }).toEqual({ code: 0, events: ['event 1', 'event 2'] })
  })
})
