// CPU for each delivery of some servers, in turn, so that other load of the machine affects all of them alike.

import { Load, type LoadOptions } from './load.ts'
import type { BenchOptions } from './options.ts'
import { type Cpu, perDelivery } from './process-cost.ts'
import { type Described, ServerProcess } from './server-process.ts'
import { median } from './table.ts'

/** Rounds of one server. */
export interface Measured {
  described: Described
  rounds: readonly Cpu[]
}

/** Options of this load, beside the common options. */
export type Work = Omit<LoadOptions, 'patienceMs'> & {
  events: number
  /** Options of the servers. */
  serverOptions?: object
}

/**
 * Measures the rounds: with the same processes, and new connections in each round. As many events again warm up the
 * first.
 */
export async function cpuRounds(
  servers: readonly Described[],
  { events, serverOptions, ...work }: Work,
  { rounds, patienceMs }: Pick<BenchOptions, 'rounds' | 'patienceMs'>,
): Promise<Measured[]> {
  const running: ServerProcess[] = []
  const results = servers.map(() => [] as Cpu[])
  const burst = work.burst ?? 1
  try {
    for (const each of servers) running.push(await ServerProcess.start(each, serverOptions))
    for (let round = 0; round < rounds; round += 1) {
      for (const [i, server] of running.entries()) {
        const load = await Load.open(server, { ...work, patienceMs })
        try {
          await load.send(round === 0 ? events : Math.min(events, 2 * burst))
          const before = server.cpu()
          await load.send(events)
          results[i]?.push(perDelivery(server.cpu(before), events * work.connections))
          await load.close()
        } finally {
          await load.end()
        }
      }
    }
  } finally {
    await Promise.all(running.map((server) => server.stop()))
  }
  return servers.map((described, i) => ({ described, rounds: results[i] as Cpu[] }))
}

/** Returns the median round as a whole, so that its parts add up. */
export function typical({ rounds }: Measured): Cpu {
  const middle = Math.floor((rounds.length - 1) / 2)
  return rounds.toSorted((a, b) => a.total - b.total)[middle] as Cpu
}

/** Returns the median of the ratios of each round to the same round of the control. */
export function ratio(measured: Measured, control: Measured | undefined): number {
  if (control === undefined) return Number.NaN
  return median(measured.rounds.map(({ total }, i) => total / (control.rounds[i] as Cpu).total))
}
