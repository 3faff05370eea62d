import { parseArgs } from 'node:util'

/** Flags of `sser demo`. */
export interface Flags {
  pods: number
  port: WantedPort
  internalPort: WantedPort
  pagePort: WantedPort
  /** Age up to which each Pod keeps events. */
  logSeconds: number
  bun: boolean
}

/** A port, and whether the next free one serves as well. */
export interface WantedPort {
  port: number
  isMovable: boolean
}

/** Each Pod has one loopback address and one column of the page. */
const MAX_PODS = 9
const MAX_LOG_SECONDS = 3_600

export const HELP: string = `Usage: npx sser demo [options]

Starts Pods as processes of this machine, and a page that sends events through them, kills them and restarts them.

  --pods N            number of Pods, 1 to ${MAX_PODS} (default 3)
  --port P            port of each Pod for its clients (default 8081, or the next free one)
  --internal-port P   port of each Pod for its peers (default 7081, or the next free one)
  --page-port P       port of the page; 0 is any free port (default 8080, or the next free one)
  --log-seconds S     age up to which a Pod keeps events (default 120); with 1, a browser soon receives a gap
  --bun               runs the Pods under Bun instead of Node
`

/**
 * Parses the arguments; returns undefined for `--help`.
 *
 * @throws Error with the flag, the expected value and the received one, in one line
 */
export function readFlags(args: readonly string[]): Flags | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pods: { type: 'string', default: '3' },
      port: { type: 'string' },
      'internal-port': { type: 'string' },
      'page-port': { type: 'string' },
      'log-seconds': { type: 'string', default: '120' },
      bun: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const number = (name: string, text: string, from: number, to: number) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= from && value <= to) return value
    throw new Error(`--${name}: expected a whole number from ${from} to ${to}, got "${text}"`)
  }
  const port = (
    name: 'port' | 'internal-port' | 'page-port',
    preferred: number,
    from: number,
    to: number,
  ) => {
    const text = values[name]
    if (text === undefined) return { port: preferred, isMovable: true }
    return { port: number(name, text, from, to), isMovable: false }
  }
  return {
    pods: number('pods', values.pods, 1, MAX_PODS),
    // The defaults are not 7000 and 8000, because a server that runs beside the demo has these.
    port: port('port', 8_081, 1, 65_535 - MAX_PODS),
    internalPort: port('internal-port', 7_081, 1, 65_535 - MAX_PODS),
    pagePort: port('page-port', 8_080, 0, 65_535),
    logSeconds: number('log-seconds', values['log-seconds'], 1, MAX_LOG_SECONDS),
    bun: values.bun,
  }
}
