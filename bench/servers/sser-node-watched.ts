import type { BenchServer } from '../harness/bench-server.ts'
import { pod } from '../harness/pod.ts'
import { scrape } from '../harness/scrape.ts'
import { serve } from '../harness/source.ts'

export const server: BenchServer = {
  name: 'sser on Node, scraped once a second',
  async serve(port) {
    const watched = pod()
    await serve({ ...watched, port, hostname: '127.0.0.1' })
    scrape(watched.sser)
  },
}
