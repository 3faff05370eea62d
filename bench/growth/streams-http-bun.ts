import type { BenchServer } from '../harness/bench-server.ts'
import { server as onNode } from './streams-http.ts'

export const server: BenchServer = {
  ...onNode,
  name: 'Bun, plain `node:http`: `res.write`',
  runtime: 'bun',
}
