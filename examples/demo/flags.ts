import { parseArgs } from 'node:util'

/** Flags of `npm start --`. */
export interface Flags {
  pods: number
  port: number
  internalPort: number
  pagePort: number
  /** How long each Pod remembers events. */
  logSeconds: number
  bun: boolean
}

/** Each Pod has one loopback address and one column of the page. */
const MAX_PODS = 9
const MAX_LOG_SECONDS = 3_600

const HELP = `npm start -- [options]

  --pods N            how many Pods, 1 to ${MAX_PODS} (3)
  --port P            where each Pod serves its clients (8000)
  --internal-port P   where each Pod hears its peers (7000)
  --page-port P       where the page is, 0 for any free port (8080)
  --log-seconds S     how long a Pod remembers events (120); turn it down to see a gap
  --bun               run the Pods under Bun instead of Node`

/** @throws Error in one line that names the flag and its expected value. */
export function readFlags(args: string[]): Flags {
  const { values } = parseArgs({
    args,
    options: {
      pods: { type: 'string', default: '3' },
      port: { type: 'string', default: '8000' },
      'internal-port': { type: 'string', default: '7000' },
      'page-port': { type: 'string', default: '8080' },
      'log-seconds': { type: 'string', default: '120' },
      bun: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  const number = (
    name: 'pods' | 'port' | 'internal-port' | 'page-port' | 'log-seconds',
    from: number,
    to: number,
  ) => {
    const value = Number(values[name])
    if (/^\d+$/.test(values[name]) && value >= from && value <= to) return value
    throw new Error(`--${name} wants a whole number from ${from} to ${to}, not "${values[name]}"`)
  }
  return {
    pods: number('pods', 1, MAX_PODS),
    port: number('port', 1, 65_535 - MAX_PODS),
    internalPort: number('internal-port', 1, 65_535 - MAX_PODS),
    pagePort: number('page-port', 0, 65_535),
    logSeconds: number('log-seconds', 1, MAX_LOG_SECONDS),
    bun: values.bun,
  }
}
