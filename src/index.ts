export type { Authorize, Decision, Grant } from './authorize.ts'
export type { Clock } from './clock.ts'
export type { PeerRequestStats } from './core/peer-requests.ts'
export type { Selection } from './core/terms.ts'
export { SserError, type SserErrorCode, type SserErrorStatus } from './errors.ts'
export type { FaultContext, FaultStage, OnError } from './faults.ts'
export type { FindOptions, PeerFinder, PeerFinderStatus, PeerList } from './finders/finder.ts'
export { LocalhostPeerFinder } from './finders/localhost.ts'
export { StaticPeerFinder } from './finders/static.ts'
export { WorkerPeerFinder, type WorkerPeerFinderOptions } from './finders/workers.ts'
export type { Logger } from './logging.ts'
export type { StartOptions, StopOptions } from './membership.ts'
export type { Peer } from './mesh/peer.ts'
export type { LinkState, PeerStatus } from './mesh/peer-status.ts'
export type { DisconnectReceipt, PeerReceipt, Receipt } from './mesh/receipt.ts'
export type { Settings } from './options.ts'
export type { Handler } from './routes/events.ts'
export type { State } from './routes/probes.ts'
export type { SendOptions } from './sender.ts'
export { Sser, type SserOptions } from './sser.ts'
export type { HistogramStats, Stats, StatsOptions, StreamStats } from './stats.ts'
export type {
  SendSpan,
  TracedAppend,
  TracedDelivery,
  TracedReceipt,
  TracedSend,
  Tracing,
  TracingSpan,
} from './tracing.ts'
export type { GapReason } from './wire/frame.ts'
export { PEER_ENDPOINT_URL_PATH, QUERY_PARAMETER_NAME } from './wire/v1.ts'
