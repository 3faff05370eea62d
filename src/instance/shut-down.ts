import { describe } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import type { V1Connections } from '../replication/legacy-v1/receiver.ts'
import type { Logging } from '../telemetry/logging.ts'
import { namePeers, type ServerStop, stopLine } from './lifecycle-lines.ts'
import type { Membership, StopOptions } from './membership.ts'
import type { RunCalls } from './run-calls.ts'
import type { Sender } from './sender.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface ShutDownOptions extends ServerStop {
  settings: ResolvedOptions
  membership: Membership
  v1Connections: V1Connections
  logging: Logging
  sender: Sender
  subscriptions: Subscriptions
  runs: RunCalls
  beforeFlush: StopOptions['beforeFlush']
}

/** Closes connections first, so that their clients resume on other Pods; later events are handed over as well. */
export async function shutDown(options: ShutDownOptions): Promise<void> {
  const { settings, membership, v1Connections, logging, sender, subscriptions, runs, beforeFlush } = options
  const { drainTimeoutMs, flushTimeoutMs } = settings
  const { hub, mesh, runMesh } = membership.incarnation
  const waits = { connections: hub.size, peers: mesh.flush.peers, drainTimeoutMs, flushTimeoutMs }
  const line = stopLine({ ...options, ...waits })
  if (options.signal === undefined) logging.info(line)
  else logging.notice(line)
  runMesh.leave()
  const runsMs = settings.runs.drainTimeoutMs ?? drainTimeoutMs
  await Promise.all([hub.drain(drainTimeoutMs, runsMs), runs.drain(runsMs)])
  // Before the requests in flight, because responses of the app that a subscription feeds are some of them.
  subscriptions.stop()
  await callBeforeFlush(beforeFlush, logging)
  sender.close()
  const onWait = (peers: string[]) =>
    logging.notice(
      `waits for peers that lack events, within ${flushTimeoutMs} ms (flushTimeoutMs): ${namePeers(peers)}`,
    )
  const [lacking] = await Promise.all([
    membership.incarnation.mesh.flush.run(flushTimeoutMs, onWait),
    v1Connections.closed(),
    membership.incarnation.runMesh.handover.run(flushTimeoutMs),
  ])
  if (lacking.length === 0) logging.info('has stopped')
  else logging.warn(`has stopped, and peers may lack events of this Pod: ${namePeers(lacking)}`)
}

/** Calls `beforeFlush` of `stop()`. An error of it does not end the stop. */
async function callBeforeFlush(beforeFlush: StopOptions['beforeFlush'], logging: Logging): Promise<void> {
  try {
    await beforeFlush?.()
  } catch (error) {
    logging.warn(`beforeFlush failed, and the stop goes on: ${describe(error)}`)
  }
}
