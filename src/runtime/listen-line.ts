import { isLoopback } from './internal-port.ts'

/** An address that a server is bound to; without a hostname, all addresses of the machine. */
interface Bound {
  port: number
  hostname: string | undefined
}

export interface ListenAddresses {
  /** Undefined where the app's own server has the public port. */
  public: Bound | undefined
  internal: Bound
  /** Undefined where the internal port serves the ops routes. */
  ops: Bound | undefined
  isSigned: boolean
  isTls: boolean
}

/** The log line that names each bound port, its address, and how the internal port authenticates peers. */
export function listenLine({ public: clients, internal, ops, isSigned, isTls }: ListenAddresses): string {
  const isLocal = isLoopback(internal.hostname)
  const guards = [...(isTls ? ['mutual TLS'] : []), ...(isSigned ? ['signed by peerSecret'] : [])]
  if (guards.length === 0)
    guards.push(isLocal ? 'without authentication' : 'open to every process that reaches it')
  return [
    `listens: public port ${clients === undefined ? 'of the app' : describe(clients)}`,
    `internal port ${describe(internal)} (${[...(isLocal ? ['loopback'] : []), ...guards].join(', ')})`,
    ops === undefined ? 'ops routes on the internal port' : `ops port ${describe(ops)}`,
  ].join('; ')
}

function describe({ port, hostname }: Bound): string {
  return `${port} on ${hostname ?? 'all addresses'}`
}
