// CPU per delivery over one dimension: at each point all servers in turn, as in every figure.
import { cpuRounds, ratio, typical, type Work } from '../harness/cpu-rounds.ts'
import type { BenchOptions } from '../harness/options.ts'
import type { Described } from '../harness/server-process.ts'
import type { Table } from '../harness/table.ts'

/** Approximate deliveries in one round of one server. */
const DELIVERIES = 50_000
const QUICK_DELIVERIES = 5_000
const ROUNDS = 3

interface Point {
  x: number
  work: Omit<Work, 'events'>
}

export interface Curve {
  name: string
  title: string
  /** The variable, with its unit. */
  x: string
  /** Servers; the first is the control. */
  servers: readonly Described[]
  points: readonly Point[]
  notes: readonly string[]
  /** Starts the processes that a point needs; returns a function that ends them. */
  beside?(point: Point): Promise<() => Promise<void>>
}

export async function curve(
  { name, title, x: xName, servers, points, notes, beside }: Curve,
  options: BenchOptions,
): Promise<Table> {
  const rounds = Math.min(ROUNDS, options.rounds)
  const rows: (string | number)[][] = []
  const lines = servers.map(({ server }) => ({ label: server.name, points: [] as [number, number][] }))
  for (const point of points) {
    const { connections } = point.work
    const deliveries = options.quick ? QUICK_DELIVERIES : DELIVERIES
    const events = Math.min(200, Math.max(5, Math.round(deliveries / connections)))
    const end = await beside?.(point)
    try {
      const measured = await cpuRounds(servers, { ...point.work, events }, { ...options, rounds })
      const totals = measured.map((each) => typical(each).total)
      totals.forEach((total, i) => {
        lines[i]?.points.push([point.x, total])
      })
      const ratios = measured.slice(1).map((each) => ratio(each, measured[0]))
      rows.push([point.x, ...totals, ...ratios])
    } finally {
      await end?.()
    }
  }
  const names = servers.map(({ server }) => server.name)
  return {
    name,
    title,
    columns: [
      xName,
      ...names.map((each) => `${each}, µs`),
      ...names.slice(1).map((each) => `${each}, × control`),
    ],
    rows,
    notes: [`The median of ${rounds} rounds. Control: ${names[0]}.`, ...notes],
    plots: [{ kind: 'lines', name, title, x: xName, y: 'µs of server CPU per delivery', lines }],
  }
}
