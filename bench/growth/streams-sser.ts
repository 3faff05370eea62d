import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { serve } from '../harness/source.ts'

/** A Pod with `known` streams without connections. */
export const server: BenchServer = {
  name: '**sser on Node**',
  async serve(port, { known = 0 }) {
    const { sser, fetch } = pod()
    await serve({ sser, fetch, port, hostname: '127.0.0.1' })
    for (let i = 0; i < Number(known); i += 1) await sser.send(`known-${i}`, 'x')
  },
}
