// CPU for each delivery of some servers, in turn, so that other load of the machine affects all of them alike.

import { Load, type LoadOptions } from './load.ts'
import type { BenchOptions } from './options.ts'
import { type Cpu, perDelivery } from './process-cost.ts'
import { type Described, ServerProcess } from './server-process.ts'
import { median } from './table.ts'

/** Rounds of one case. */
export interface Measured extends Case {
  rounds: readonly Cpu[]
}

/** A server, and its work. */
export interface Case {
  described: Described
  work: Work
}

/** Options of this load, beside the common options. */
export type Work = Omit<LoadOptions, 'patienceMs'> & {
  events: number
  /** Options of the servers. */
  serverOptions?: object
}

type Limits = Pick<BenchOptions, 'rounds' | 'patienceMs'>

/** Measures the same work of all servers. */
export function cpuRounds(servers: readonly Described[], work: Work, limits: Limits): Promise<Measured[]> {
  return casesInTurn(
    servers.map((described) => ({ described, work })),
    limits,
  )
}

/**
 * Measures the rounds: with the same processes, and new connections in each round. As many events again warm up the
 * first.
 */
export async function casesInTurn(
  cases: readonly Case[],
  { rounds, patienceMs }: Limits,
): Promise<Measured[]> {
  const running: [ServerProcess, Work][] = []
  const results = cases.map(() => [] as Cpu[])
  try {
    for (const { described, work } of cases)
      running.push([await ServerProcess.start(described, work.serverOptions), work])
    for (let round = 0; round < rounds; round += 1) {
      for (const [i, [server, work]] of running.entries()) {
        const { events, burst = 1 } = work
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
    await Promise.all(running.map(([server]) => server.stop()))
  }
  return cases.map((each, i) => ({ ...each, rounds: results[i] as Cpu[] }))
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
