import { expect, test } from 'vitest'
import { AcceptedExchanges } from '../../src/replication/accepted-exchanges.ts'
import { AwaitedSeq } from '../../src/replication/exchange-fields.ts'
import { PeerProgress } from '../../src/replication/peer-progress.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import type { Exchange } from '../../src/transport/peer-transport.ts'
import { encodeFirstMessage } from '../../src/wire/exchange-message.ts'
import { VirtualClock } from '../support/clock.ts'
import { Side } from './side.ts'

const MAX = 3

/** Exchanges that a Pod with a link to `peer1` has accepted. */
class Accepting {
  readonly aborted: string[] = []
  readonly #exchanges: AcceptedExchanges

  constructor() {
    const { log, replicator } = new Side('own00')
    const progress = new Map<string, PeerProgress>()
    const progressOf = (epoch: string) => {
      const known = progress.get(epoch) ?? new PeerProgress(epoch, 0)
      progress.set(epoch, known)
      return known
    }
    this.#exchanges = new AcceptedExchanges({
      context: {
        log,
        replicator,
        clock: new VirtualClock(),
        awaited: new AwaitedSeq(() => {}),
        requestTimeoutMs: 5_000,
        progressOf,
        wasPaused: () => false,
        onPause: () => {},
      },
      errors: new ErrorReporter(() => {}),
      maxExchanges: () => MAX,
      isLinked: ({ epoch }) => epoch === 'peer1',
      onPosition: () => {},
    })
  }

  open(name: string, epoch?: string): void {
    const exchange: Exchange = {
      send: () => {},
      bufferedBytes: 0,
      close: () => {},
      abort: () => this.aborted.push(name),
    }
    const handler = this.#exchanges.accept(exchange)
    if (epoch !== undefined) handler.onMessage(encodeFirstMessage(epoch, 0, new Map()))
  }
}

test('beyond the limit the oldest exchange ends that no link leads to', () => {
  const accepting = new Accepting()
  accepting.open('of the link', 'peer1')
  for (const epoch of ['other', 'third', 'fifth']) accepting.open(epoch, epoch)
  expect(accepting.aborted).toEqual(['other'])
  accepting.open('without a first message')
  accepting.open('and another')
  accepting.open('and a third')
  expect(accepting.aborted).toEqual(['other', 'third', 'fifth', 'without a first message'])
})
