// Types of the parts of the recorded build that the tests call. Its options and methods have the names of that release.
import type { Hono } from 'hono'
import type { Clock } from '../../src/clock.ts'

export interface SserOptions {
  peerFinder: unknown
  internalPort?: number
  logMaxAgeMs?: number
  logMaxBytes?: number
  heartbeatMs?: number
  retryMs?: number
  requestTimeoutMs?: number
  hydrateTimeoutMs?: number
  drainMs?: number
  flushTimeoutMs?: number
  peerSecret?: string | undefined
  logger?: false
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  clock?: Clock
  onError?: (error: unknown, context: { stage: string }) => void
}

export class Sser {
  constructor(options: SserOptions)
  readonly routes: Hono
  readonly internalRoutes: Hono
  readonly position: string
  readonly state: string
  readonly isReady: boolean
  readonly connections: number
  readonly peers: readonly { peer: string; state: string }[]
  start(): Promise<void>
  stop(): Promise<void>
  send(stream: string, msg: string, options?: { key?: string | undefined }): Promise<unknown>
  disconnect(selection: { stream: string }): Promise<unknown>
}

export class StaticPeerFinder {
  constructor(peers: readonly string[])
}

export function serveNode(options: ServeOptions): Promise<Served>
export function serveBun(options: ServeOptions): Promise<Served>

interface ServeOptions {
  sser: Sser
  fetch: (request: Request, env?: unknown) => Response | Promise<Response>
  port: number
  hostname?: string
}

interface Served {
  port: number
  stop(): Promise<void>
}
