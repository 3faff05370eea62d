import type { Log } from '../log/log.ts'
import type { LinkState, PeerLink } from '../replication/peer-status.ts'
import type { PeerClient } from '../transport/peer-client.ts'
import { PeerStatusError } from '../transport/peer-transport.ts'
import type { RunsAnswer, RunsRequest } from '../wire/run-messages.ts'

/** Time in which a peer must answer, in milliseconds. */
const ANSWER_MS = 1_000

export interface RunRequestsOptions {
  client: PeerClient
  log: Pick<Log, 'epoch'>
  links(): ReadonlyMap<string, PeerLink>
  /** Returns whether this Pod drains, which every request then tells. */
  isLeaving(): boolean
  signal: AbortSignal
}

/** A peer that answers requests for runs. */
export interface AskedPeer {
  readonly epoch: string
  readonly link: PeerLink
}

export interface Answers {
  answers: { peer: AskedPeer; answer: RunsAnswer }[]
  /** True if every peer that may be reached has answered. */
  isComplete: boolean
}

/** Requests for runs to single peers. */
export class RunRequests {
  readonly #options: RunRequestsOptions

  constructor(options: RunRequestsOptions) {
    this.#options = options
  }

  /** The peers that can be asked: they know runs, and the last request to them succeeded. */
  reachable(): AskedPeer[] {
    return this.#inState('connected')
  }

  /** The peer with this epoch, if it can be asked. */
  peer(epoch: string): AskedPeer | undefined {
    return this.reachable().find((peer) => peer.epoch === epoch)
  }

  /** Sends a request; undefined where the peer does not answer it. */
  async send({ epoch, link }: AskedPeer, fields: Partial<RunsRequest>): Promise<RunsAnswer | undefined> {
    const { signal } = this.#options
    try {
      const answer = await this.#post(link, fields)
      if (answer.epoch !== epoch) {
        link.check()
        return undefined
      }
      if (link.state === 'failing') link.probe()
      return answer
    } catch (error) {
      // Until its epoch changes, the Pod is asked no more.
      if (error instanceof PeerStatusError && error.received === 404 && link.peer?.epoch === epoch)
        link.peer.knowsRuns = false
      else if (!signal.aborted) link.check()
      return undefined
    }
  }

  /** Tells a peer that this Pod drains. Without an answer the link stays as it is, because its flush would wait for a peer that has gone. */
  tellLeaving({ link }: AskedPeer): void {
    this.#post(link, {}).catch(() => {})
  }

  /** Sends a request to all peers that can be asked, and resolves with the answers. */
  async sendToAll(fields: Partial<RunsRequest>): Promise<Answers> {
    const isConnecting = Array.from(this.#options.links().values()).some(
      ({ state }) => state === 'connecting',
    )
    const asked = this.reachable()
    const answers = await this.#answersOf(asked, fields)
    return { answers, isComplete: !isConnecting && answers.length === asked.length }
  }

  /** The same, and to the peers whose last request failed, because they may be back: a verdict depends on the answers. */
  async sendToAny(fields: Partial<RunsRequest>): Promise<Answers> {
    const failing = this.#inState('failing')
    const [{ answers, isComplete }, back] = await Promise.all([
      this.sendToAll(fields),
      this.#answersOf(failing, fields),
    ])
    return { answers: [...answers, ...back], isComplete }
  }

  #inState(state: LinkState): AskedPeer[] {
    const peers: AskedPeer[] = []
    for (const link of this.#options.links().values())
      if (link.state === state && link.peer?.knowsRuns === true) peers.push({ epoch: link.peer.epoch, link })
    return peers
  }

  async #answersOf(asked: readonly AskedPeer[], fields: Partial<RunsRequest>): Promise<Answers['answers']> {
    const answers = await Promise.all(
      asked.map(async (peer) => ({ peer, answer: await this.send(peer, fields) })),
    )
    return answers.flatMap(({ peer, answer }) => (answer === undefined ? [] : [{ peer, answer }]))
  }

  #post({ target }: PeerLink, fields: Partial<RunsRequest>): Promise<RunsAnswer> {
    const { client, isLeaving, log, signal } = this.#options
    const request = { epoch: log.epoch, ...(isLeaving() && { leaving: true }), ...fields }
    return client.askRuns(target, request, { signal, timeoutMs: ANSWER_MS })
  }
}
