// Types of the entries that `app.ts` does not import.
export type * as dns from 'sser/dns'
export type * as opentelemetry from 'sser/opentelemetry'
export type * as prometheus from 'sser/prometheus'
export type * as resumableStream from 'sser/resumable-stream'
export type * as testing from 'sser/testing'
