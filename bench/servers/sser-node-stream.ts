import { type ServeOptions, serve } from '../../src/node.ts'
import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'

export const server: BenchServer = {
  name: '**sser on Node**, without the fast path',
  async serve(port) {
    const options = { ...pod(), port, hostname: '127.0.0.1', internalPort: 0, fastPath: false }
    await serve(options as ServeOptions)
  },
}
