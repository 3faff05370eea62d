import type { PodProcess } from '../support/pod-process.ts'
import type { RoamingClient } from './roaming-client.ts'

export const STREAMS = ['a', 'b', 'c', 'd', 'e']
const SEND_EVERY_MS = 10

export const stream = (i: number) => STREAMS[i % STREAMS.length] as string

export interface Sent {
  stream: string
  msg: string
  /** A Pod other than the sender had it, says the receipt. */
  isDelivered: boolean
}

/** Sends about 100 events a second through whichever Pods live, until it is stopped. */
export class Sender {
  readonly live: PodProcess[]
  readonly accepted: Sent[] = []
  started = 0
  failed = 0
  readonly #timer: NodeJS.Timeout

  constructor(pods: readonly PodProcess[]) {
    this.live = [...pods]
    this.#timer = setInterval(() => this.#send(), SEND_EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get pending(): number {
    return this.started - this.accepted.length - this.failed
  }

  without(pod: PodProcess): void {
    this.live.splice(this.live.indexOf(pod), 1)
  }

  #send(): void {
    const pod = this.live[Math.floor(Math.random() * this.live.length)] as PodProcess
    const event = { stream: stream(this.started), msg: `event ${this.started}` }
    this.started += 1
    pod.send(event.stream, event.msg).then(
      ({ peers }) => {
        this.accepted.push({ ...event, isDelivered: peers.some(({ status }) => status === 'delivered') })
      },
      () => {
        this.failed += 1
      },
    )
  }
}

/** Events of the client's streams that it did not get. */
export function missing(client: RoamingClient, sent: readonly Sent[]): string[] {
  const got = new Set(client.messages)
  return sent
    .filter((event) => client.streams.includes(event.stream) && !got.has(event.msg))
    .map((e) => e.msg)
}

export const twice = (messages: readonly string[]) => messages.filter((msg, i) => messages.indexOf(msg) !== i)
