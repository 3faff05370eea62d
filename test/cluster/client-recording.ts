import { connect } from '../../src/client.ts'
import type { GapNotice, Received } from '../support/stream-client.ts'
import { until } from '../support/until.ts'
import type { Sent } from './sender.ts'
import { judge, type Recording, type Verdict } from './verdict.ts'

const LIVE_MS = 30_000
const ARRIVE_MS = 30_000

/** A client of `sser/client` that listens to one stream through a balancer, and records its events. */
export class ClientRecording implements Recording {
  readonly streams: readonly string[]
  readonly received: Received[] = []
  readonly gaps: string[] = []
  readonly gapNotices: GapNotice[] = []
  failure: string | undefined
  /** Number of connections that ended without its doing. */
  recoveries = 0
  readonly #client: ReturnType<typeof connect>

  private constructor(url: string, stream: string) {
    this.streams = [stream]
    this.#client = connect(`${url}/events`, {
      share: false,
      onGap: ({ reason }) => {
        this.gaps.push(reason)
        this.gapNotices.push({ at: performance.now(), received: this.received.length })
      },
    })
    this.#client.stream<string>(stream, { parse: (text) => text }).on((msg, { id = '' }) => {
      this.received.push({ id, msg, at: performance.now() })
    })
    this.#client.state.subscribe((state) => {
      if (state === 'recovering') this.recoveries += 1
      if (state === 'stopped') this.failure = 'the server has refused it'
    })
  }

  /** Resolves when all are connected: from then on they miss nothing. */
  static async open(url: string, count: number, streams: readonly string[]): Promise<ClientRecording[]> {
    const all = Array.from(
      { length: count },
      (_, i) => new ClientRecording(url, streams[i % streams.length] as string),
    )
    const areLive = () => all.every((recording) => recording.#client.state.get() === 'live')
    await until('the clients of sser/client are connected', areLive, LIVE_MS)
    return all
  }

  close(): void {
    this.#client.close()
  }
}

/** The verdict once the clients have every promised event, or when they had enough time for it. */
export async function verdictOf(
  sent: readonly Sent[],
  clients: readonly ClientRecording[],
): Promise<Verdict> {
  let verdict = judge(sent, clients)
  const isComplete = () => {
    verdict = judge(sent, clients)
    return verdict.lost.length === 0
  }
  await until('every promised event has arrived', isComplete, ARRIVE_MS, 100).catch(() => {})
  for (const client of clients) client.close()
  return verdict
}
