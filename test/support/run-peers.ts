import { Log } from '../../src/log/log.ts'
import type { PeerRunState, RunPeers } from '../../src/runs/run-peers.ts'
import type { RunReader } from '../../src/runs/run-reader.ts'
import { Runs } from '../../src/runs/runs.ts'
import { RunCounts } from '../../src/telemetry/counters.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import { Logging } from '../../src/telemetry/logging.ts'
import { VirtualClock } from './clock.ts'

/** The other Pods, whose facts a test sets. */
class FakePeers implements RunPeers {
  isSynced = true
  readonly states = new Map<string, PeerRunState>()
  readonly wanted = new Set<string>()
  readonly held = new Set<string>()
  readonly asked: unknown[] = []
  complete = true
  holders = 0
  heldUpTo = 0
  outcome: Awaited<ReturnType<RunPeers['cancel']>> = 'unreachable'
  onAsk: () => void = () => {}
  readonly #listeners: (() => void)[] = []

  stateOf(epoch: string): PeerRunState {
    return this.states.get(epoch) ?? { state: 'connected' }
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Tells that facts have changed. */
  change(): void {
    for (const listener of this.#listeners) listener()
  }

  want(id: string): void {
    this.wanted.add(id)
  }

  unwant(id: string): void {
    this.wanted.delete(id)
  }

  mustHold(id: string): boolean {
    return this.held.has(id)
  }

  async ask(question: unknown): Promise<void> {
    this.asked.push(question)
    this.onAsk()
  }

  async cancel(): ReturnType<RunPeers['cancel']> {
    return this.outcome
  }

  flush(): void {}

  heldBy(_id: string, next: number): number {
    return this.heldUpTo >= next ? this.holders : 0
  }

  holdersOf(): number {
    return this.holders
  }

  hasAll(): boolean {
    return this.complete
  }
}

/** The runs of one Pod on a virtual clock, with the epoch `ownOO`. */
export function newRuns(limits: { maxBytes?: number; retainMs?: number; maxRuns?: number } = {}) {
  const clock = new VirtualClock()
  const errors: unknown[] = []
  const log = new Log({
    epoch: 'ownOO',
    maxAgeMs: 120_000,
    maxBytes: 1_000_000,
    isResumable: true,
  })
  const runs = new Runs({
    log,
    clock,
    errors: new ErrorReporter((error) => errors.push(error)),
    limits: { maxBytes: 1_000_000, retainMs: 300_000, holders: 2, maxRuns: 10, ...limits },
    maxMessageBytes: 60_000,
    ackTimeoutMs: 1_000,
    counts: new RunCounts(),
    logging: new Logging(false, clock),
  })
  const peers = new FakePeers()
  runs.join(peers)
  return { runs, peers, clock, log, errors }
}

const START = { after: undefined, from: 'start' } as const

/** A reader, and the number of its wakes. */
export async function openReader(runs: Runs, name = 'chat', start: Parameters<Runs['find']>[1] = START) {
  const reader = runs.read(await runs.find(name, start))
  let wakes = 0
  reader.follow(() => {
    wakes += 1
  })
  return { reader, wakes: () => wakes }
}

/** All that a reader can read now, as short texts. */
export function readAll(reader: RunReader): string[] {
  const texts: string[] = []
  for (let slice = reader.read(1_000); slice !== undefined; slice = reader.read(1_000)) {
    if (slice.type === 'chunks') texts.push(...slice.chunks)
    else if (slice.type === 'gap') texts.push(`[gap ${slice.index}]`)
    else if (slice.type === 'end')
      texts.push(`[${slice.state}${slice.reason === undefined ? '' : `: ${slice.reason}`}]`)
    else texts.push(`[${slice.type}]`)
  }
  return texts
}

/** The header of a run that another Pod has started. */
export function startElsewhere(runs: Runs, epoch: string, name = 'chat', replaces?: string) {
  runs.directory.onHeader(epoch, 1, { start: name, replaces }, 0)
  return runs.directory.get(`${epoch}:1`)!
}
