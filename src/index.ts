export type { Endpoint, EndpointOptions, EventsHandler } from './admission/events-endpoint.ts'
export type { RunResponseOptions } from './admission/run-responses.ts'
export type { Authorize, Decision, Grant, Requested } from './authorize.ts'
export type { SubscriptionEvent, SubscriptionGap, SubscriptionItem } from './delivery/subscription-items.ts'
export type { FindOptions, Peer, PeerFinder, PeerFinderStatus, PeerList } from './discovery/peer-finder.ts'
export { LocalhostPeerFinder, StaticPeerFinder } from './discovery/static.ts'
export { WorkerPeerFinder, type WorkerPeerFinderOptions } from './discovery/workers.ts'
export { SserError, type SserErrorCode, type SserErrorStatus } from './errors.ts'
export type { SserState } from './instance/lifecycle.ts'
export type { StartOptions, StopOptions } from './instance/membership.ts'
export type {
  CancelReceipt,
  ReadRunOptions,
  RunStatus,
  StartRunOptions,
} from './instance/run-calls.ts'
export type { SendOptions } from './instance/sender.ts'
export type { SubscribeOptions, Subscription } from './instance/subscriptions.ts'
export type {
  InvalidEvent,
  StreamOptions,
  TypedEvent,
  TypedItem,
  TypedStream,
  TypedSubscription,
} from './instance/typed-stream.ts'
export type { ConnectionSelector } from './log/entry.ts'
export type { HistogramStats, Stats, StatsOptions, StreamStats } from './ops/stats.ts'
export type { RunsOptions, SserOptions } from './options.ts'
export type { LinkState, PeerStatus } from './replication/peer-status.ts'
export type { DisconnectReceipt, PeerReceipt, Receipt } from './replication/receipt.ts'
export type { Run, RunStopReason } from './runs/run.ts'
export type { CancelOutcome } from './runs/run-peers.ts'
export type { RunEnded, RunInterrupted, RunResumed } from './runs/run-reader.ts'
export type { RunSource } from './runs/run-source.ts'
export type { RunChunk, RunGap, RunItem, RunSubscription } from './runs/run-subscription.ts'
export { Sser } from './sser.ts'
export type { StandardIssue, StandardSchemaV1 } from './standard-schema.ts'
export type { PeerRequestStats } from './telemetry/counters.ts'
export type { ErrorContext, ErrorStage, OnError } from './telemetry/error-reporter.ts'
export type { SserLogger } from './telemetry/logging.ts'
export type {
  SendSpan,
  TracedAppend,
  TracedDelivery,
  TracedReceipt,
  TracedSend,
  Tracing,
  TracingSpan,
} from './telemetry/tracing.ts'
export type { RunEnd, RunEndState } from './wire/runs.ts'
export type { Dialect, GapReason } from './wire/sse-frame.ts'
export { PEER_ENDPOINT_URL_PATH, QUERY_PARAMETER_NAME } from './wire/v1.ts'
