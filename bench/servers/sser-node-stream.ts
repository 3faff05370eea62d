import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { serve } from '../harness/source.ts'

export const server: BenchServer = {
  name: '**sser on Node**, without the fast path',
  async serve(port) {
    await serve({ ...pod(), port, hostname: '127.0.0.1', fastPath: false })
  },
}
