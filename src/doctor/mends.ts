import type { Cause } from './finding.ts'

/** What to set, and where. */
export interface Mend {
  at: string
  set: string
}

const IDLE: readonly Mend[] = [
  { at: 'nginx', set: 'proxy_read_timeout above the heartbeat (60 s is the default)' },
  { at: 'ingress-nginx', set: 'nginx.ingress.kubernetes.io/proxy-read-timeout: "60"' },
  { at: 'HAProxy', set: 'timeout server and timeout client above the heartbeat' },
  { at: 'AWS ALB', set: 'idle_timeout.timeout_seconds above the heartbeat (60 is the default)' },
  { at: 'Envoy', set: 'stream_idle_timeout above the heartbeat (5 min is the default)' },
  { at: 'your app', set: 'or new Sser({ heartbeatMs }) below the limit' },
]

const LENGTH: readonly Mend[] = [
  { at: 'Envoy Gateway', set: 'timeouts: { request: 0s } on the HTTPRoute of the events' },
  { at: 'Envoy', set: 'timeout: 0s on the route (15 s is the default)' },
  { at: 'GKE', set: 'timeoutSec: 86400 in a GCPBackendPolicy (30 s is the default)' },
  { at: 'Traefik', set: 'respondingTimeouts.writeTimeout of the entry point at 0, its default' },
]

/** By cause, from each product's own documentation; where the words of the finding say it all, there is none. */
export const MENDS: Partial<Record<Cause, readonly Mend[]>> = {
  buffered: [
    { at: 'nginx', set: 'proxy_buffering off; or leave X-Accel-Buffering out of proxy_ignore_headers' },
    { at: 'ingress-nginx', set: 'nginx.ingress.kubernetes.io/proxy-buffering: "off"' },
    { at: 'Traefik', set: 'no buffering middleware on this route' },
    { at: 'Cloudflare', set: 'Response Buffering off (it is, unless an Enterprise zone turned it on)' },
  ],
  delayed: [
    { at: 'HAProxy', set: 'option http-no-delay, in defaults, or in the frontend and the backend' },
    { at: 'nginx', set: 'tcp_nodelay on, its default' },
  ],
  compressed: [
    {
      at: 'nginx',
      set: 'gzip off; or gzip_types without text/event-stream and *: it does not heed no-transform',
    },
    {
      at: 'ingress-nginx',
      set: 'gzip-types (and brotli-types) in its ConfigMap without text/event-stream and *',
    },
    { at: 'Traefik', set: 'no compress middleware here, or text/event-stream in its excludedContentTypes' },
    {
      at: 'Envoy, HAProxy',
      set: 'they leave alone what says no-transform: see what takes that away before them',
    },
    { at: 'Cloudflare', set: 'no Compression Rule that matches text/event-stream' },
    { at: 'your app', set: 'no compress() middleware around the events' },
  ],
  'content-type': [
    { at: 'nginx', set: 'no proxy_hide_header Content-Type and no add_header Content-Type on this path' },
    { at: 'your app', set: 'no middleware that sets a type for all responses' },
  ],
  'cache-control': [
    { at: 'nginx', set: 'no proxy_hide_header Cache-Control, no expires, no add_header Cache-Control here' },
    { at: 'Cloudflare', set: 'no rule that changes the response header Cache-Control on this path' },
  ],
  cached: [
    { at: 'nginx', set: 'proxy_cache off; or leave Cache-Control out of proxy_ignore_headers' },
    { at: 'Cloudflare', set: 'a Cache Rule that bypasses the cache on this path' },
    { at: 'GKE', set: 'Cloud CDN in a cache mode other than FORCE_CACHE_ALL' },
  ],
  'last-event-id': [
    { at: 'nginx', set: 'no proxy_set_header Last-Event-ID ""; and no proxy_pass_request_headers off' },
    { at: 'HAProxy', set: 'no http-request del-header last-event-id' },
    { at: 'Envoy', set: 'no last-event-id in request_headers_to_remove' },
  ],
  'no-retry': [
    { at: 'Traefik', set: 'the middleware retry: { attempts: 10, initialInterval: 100ms } on this route' },
    { at: 'Envoy Gateway', set: 'retry in a BackendTrafficPolicy, on connect-failure and refused-stream' },
    { at: 'Envoy', set: 'retry_policy on connect-failure, with previous_hosts; max_retries' },
    { at: 'HAProxy', set: 'option redispatch 1, and retries 10' },
    { at: 'Caddy', set: 'lb_try_duration 10s' },
    { at: 'nginx', set: 'max_fails=0 on each server; proxy_next_upstream error timeout, its default' },
    { at: 'Varnish', set: 'return (retry) in vcl_backend_error' },
  ],
  'idle-cut': IDLE,
  'length-cut': LENGTH,
  cut: [...IDLE, ...LENGTH],
  'no-http2': [
    { at: 'nginx', set: 'http2 on; or, before 1.25.1: listen 443 ssl http2' },
    { at: 'ingress-nginx', set: 'use-http2: "true" in its ConfigMap, which is the default' },
    { at: 'HAProxy', set: 'bind … ssl … alpn h2,http/1.1' },
    { at: 'Envoy', set: 'alpn_protocols: [h2, http/1.1] in the common TLS context of the listener' },
    { at: 'AWS ALB', set: 'routing.http2.enabled=true, which is the default' },
  ],
  certificate: [{ at: 'here', set: '--insecure asks all the same; a browser would not' }],
}

/** Where all this is told at length. */
export const PAGE = 'docs/doctor.md'
