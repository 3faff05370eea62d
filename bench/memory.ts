// npm run bench:memory: heap of a full log, compared with its bound of 16 MiB.
import { Log } from '../src/log/log.ts'
import { plainMessage, seededRandom } from '../test/support/messages.ts'

const MAX_BYTES = 16_777_216
const random = seededRandom(1)
const gc = globalThis.gc as () => void

function heap(): number {
  gc()
  return process.memoryUsage().heapUsed
}

/** Sends twice the capacity of the log; each message is a new string, like a received message. */
function measure(name: string, bytes: number, streams: number): void {
  const count = Math.ceil((2 * MAX_BYTES) / (bytes + 160))
  const before = heap()
  const log = new Log({
    epoch: 'aaaaa',
    maxAgeMs: 120_000,
    maxBytes: MAX_BYTES,
    isResumable: true,
  })
  for (let i = 0; i < count; i += 1) {
    const msg = Buffer.from(plainMessage(random, bytes)).toString()
    log.append('aaaaa', { stream: `stream ${i % streams}`, msg }, 0, 0)
  }
  const used = heap() - before
  const mebibytes = (used / 1_048_576).toFixed(1)
  console.log(
    `${name}: ${mebibytes} MiB, ${(used / MAX_BYTES).toFixed(2)} of the bound, ${log.nextIndex - log.firstIndex} entries`,
  )
}

measure('warm-up', 100, 10)
measure('messages of 20 bytes, 10 streams', 20, 10)
measure('messages of 100 bytes, 10 streams', 100, 10)
measure('messages of 1,000 bytes, 10 streams', 1_000, 10)
measure('messages of 10,000 bytes, 10 streams', 10_000, 10)
measure('messages of 100 bytes, each on a stream of its own', 100, Number.MAX_SAFE_INTEGER)
