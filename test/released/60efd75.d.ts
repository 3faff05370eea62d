// Types of the parts of the recorded build that the tests call. Its options and methods have the names of that commit.
import type { Internals } from '../../src/internals.ts'
import type { ServerSide } from '../../src/server-side.ts'

export interface SserOptions {
  peerFinder: unknown
  internalPort?: number
  logMaxAgeMs?: number
  logMaxBytes?: number
  heartbeatMs?: number
  retryMs?: number
  drainTimeoutMs?: number
  flushTimeoutMs?: number
  peerSecret?: string | undefined
  logger?: false
  onError?: (error: unknown, context: { stage: string }) => void
}

export class Sser {
  constructor(options: SserOptions, internals?: Partial<Internals>)
  readonly routes: { fetch(request: Request): Response | Promise<Response> }
  readonly internalRoutes: { fetch(request: Request): Response | Promise<Response> }
  readonly position: string | undefined
  readonly state: string
  readonly isReady: boolean
  readonly connections: number
  readonly peers: readonly { peer: string; state: string; exchange: boolean }[]
  start(): Promise<void>
  stop(): Promise<void>
  send(stream: string, msg: string, options?: { idempotencyKey?: string | undefined }): Promise<unknown>
  disconnect(selection: { stream: string }): Promise<unknown>
}

export function serverSideOf(sser: Sser): Pick<ServerSide, 'accept'> | undefined

export class StaticPeerFinder {
  constructor(peers: readonly string[])
}
