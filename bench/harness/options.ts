// Options of the bench, and their defaults.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** File descriptors of a process that are not for connections. */
const SPARE_FILES = 500

export interface BenchOptions {
  quick: boolean
  rounds: number
  connections: number
  events: number
  /** Number of connections in the figures of memory. */
  idleConnections: number
  /** Rest before memory is measured, in milliseconds. */
  settleMs: number
  /** Number of connections in the figure of stalls: the limit of a process here, at most 20,000. */
  manyConnections: number
  /** Limit of the time in which an event must reach all connections, in milliseconds. */
  patienceMs: number
  /** Value of `--servers`; undefined if each figure has its default servers. */
  servers: readonly string[] | undefined
  /** Folder of another checkout of this repository, which the figures measure in turn with this one. */
  base: string | undefined
}

/** Output of the results. */
export interface Outputs {
  only: readonly string[] | undefined
  json: string | undefined
  plots: boolean
  write: boolean
}

export function readOptions(args: readonly string[]): { bench: BenchOptions; outputs: Outputs } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      servers: { type: 'string' },
      base: { type: 'string' },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      events: { type: 'string' },
      patience: { type: 'string' },
      json: { type: 'string' },
      plots: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  })
  const { quick } = values
  const number = (name: 'rounds' | 'connections' | 'events' | 'patience', full: number, fast = full) =>
    values[name] === undefined ? (quick ? fast : full) : whole(name, values[name])
  const connections = number('connections', 1_000, 250)
  const limit = filesLimit() - SPARE_FILES
  return {
    bench: {
      quick,
      rounds: number('rounds', 5, 3),
      connections,
      events: number('events', 100, 40),
      idleConnections: Math.min(limit, number('connections', 5_000, 1_000)),
      settleMs: quick ? 300 : 5_000,
      manyConnections: Math.min(limit, 20_000, number('connections', 20_000, 2_000)),
      patienceMs: number('patience', 30_000),
      servers: values.servers?.split(','),
      base: values.base === undefined ? undefined : resolve(values.base),
    },
    outputs: {
      only: values.only?.split(','),
      json: values.json,
      plots: values.plots,
      write: values.write,
    },
  }
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name}: expected a number from 1 on, got ${text}`)
  return value
}

function filesLimit(): number {
  const limit = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
}
