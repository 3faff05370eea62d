import { type MemoryLoss, newReading, type Reading, type RunItem } from './run-facts.ts'
import { RunOracle } from './run-oracle.ts'
import type { SettlementOptions } from './run-settlement.ts'

export const ENDED: RunItem = { type: 'end', state: 'ended' }
export const LOST: RunItem = { type: 'end', state: 'lost' }
/** The chunks before `index` are missing. */
export const gap = (index: number): RunItem => ({ type: 'gap', index })

/** A history of producers and readers, written by hand. */
export class History {
  readonly violations: string[] = []
  readonly losses: MemoryLoss[] = []
  now = 0
  isCalm = true
  readonly oracle: RunOracle

  constructor({ mayEvict = false } = {}) {
    this.oracle = new RunOracle({
      now: () => this.now,
      log: () => {},
      violate: (message) => this.violations.push(message),
      mayEvict,
      isConnected: () => true,
      isWhole: () => this.losses.every(({ isHandedOver }) => isHandedOver),
      isCalm: () => this.isCalm,
    })
  }

  get settlement(): SettlementOptions {
    const { oracle, losses } = this
    return { oracle, losses, violate: (message) => this.violations.push(message) }
  }

  /** A run with the chunks `id/0`, `id/1`, … */
  run(
    id: string,
    { chunks = 3, name = 'a', call }: { chunks?: number; name?: string; call?: 'end' | 'fail' } = {},
  ) {
    const run = this.oracle.started(id, name, 'pod0')
    for (let i = 0; i < chunks; i += 1) this.oracle.wrote(run, `${id}/${i}`)
    if (call !== undefined) this.oracle.called(run, call, call === 'fail' ? 'no luck' : undefined)
    return run
  }

  read(items: readonly RunItem[], reading = this.reading()): Reading {
    for (const item of items) this.oracle.received(reading, item)
    return reading
  }

  reading(name = 'a'): Reading {
    const reading = newReading('reader', name)
    this.oracle.opened(reading, 'pod0', undefined)
    return reading
  }

  move(reading: Reading): Reading {
    this.oracle.opened(reading, 'pod0', undefined)
    return reading
  }
}

export function chunk(id: string, index: number): RunItem {
  return { type: 'chunk', id: `${index}.${id}`, index, text: `${id}/${index}` }
}

export function chunks(id: string, from: number, to: number): RunItem[] {
  return Array.from({ length: to - from }, (_, i) => chunk(id, from + i))
}
