// The bus of an MCP server on several Pods: a change on any Pod notifies the `subscriptions/listen` streams of all.
import {
  createMcpHandler,
  McpServer,
  type ServerEvent,
  type ServerEventBus,
} from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import type { Sser } from 'sser'

export function createSserEventBus(sser: Sser, name = 'mcp'): ServerEventBus {
  const stream = sser.stream<ServerEvent>(name)
  return {
    publish(event) {
      // The bus has no way to report an error; `onError` of the instance has the peers that are out of reach.
      stream.send(event).catch(console.error)
    },
    subscribe(listener) {
      const end = new AbortController()
      const read = async () => {
        for await (const item of stream.subscribe({ signal: end.signal })) {
          if (item.type === 'event') listener(item.data)
          // Notifications say that something has changed, and carry no state: after a gap, say so of everything listed.
          else if (item.type === 'gap')
            for (const kind of [
              'tools_list_changed',
              'prompts_list_changed',
              'resources_list_changed',
            ] as const)
              listener({ kind })
        }
      }
      read().catch(console.error)
      return () => end.abort()
    },
  }
}

export function createApp(sser: Sser) {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'orders', version: '1.0.0' })
      server.registerTool('ping', { description: 'Answers pong' }, () => ({
        content: [{ type: 'text', text: 'pong' }],
      }))
      return server
    },
    { bus: createSserEventBus(sser) },
  )
  return new Hono()
    .all('/mcp', (c) => handler.fetch(c.req.raw))
    .post('/tools-changed', (c) => {
      handler.notify.toolsChanged()
      return c.body(null, 204)
    })
}
