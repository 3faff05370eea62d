import type { Cause } from './finding.ts'

/** A change to the configuration of a product that may be on the way. */
export interface Fix {
  where: string
  change: string
}

const IDLE: readonly Fix[] = [
  { where: 'nginx', change: 'proxy_read_timeout above the heartbeat interval (default 60 s)' },
  { where: 'ingress-nginx', change: 'nginx.ingress.kubernetes.io/proxy-read-timeout: "60"' },
  { where: 'HAProxy', change: 'timeout server and timeout client above the heartbeat interval' },
  { where: 'AWS ALB', change: 'idle_timeout.timeout_seconds above the heartbeat interval (default 60)' },
  { where: 'Envoy', change: 'stream_idle_timeout above the heartbeat interval (default 5 min)' },
  { where: 'your app', change: 'or instead new Sser({ heartbeatMs }) below the idle timeout' },
]

const LENGTH: readonly Fix[] = [
  { where: 'Envoy Gateway', change: 'timeouts: { request: 0s } on the HTTPRoute of the events' },
  { where: 'Envoy', change: 'timeout: 0s on the route (default 15 s)' },
  { where: 'GKE', change: 'timeoutSec: 86400 in a GCPBackendPolicy (default 30 s)' },
  { where: 'Traefik', change: 'respondingTimeouts.writeTimeout: 0 on the entry point (the default)' },
]

/** Fixes by cause, from the documentation of each product. Causes with the fix in their message have none. */
export const FIXES: Partial<Record<Cause, readonly Fix[]>> = {
  buffered: [
    { where: 'nginx', change: 'proxy_buffering off; or no X-Accel-Buffering in proxy_ignore_headers' },
    { where: 'ingress-nginx', change: 'nginx.ingress.kubernetes.io/proxy-buffering: "off"' },
    { where: 'Traefik', change: 'no buffering middleware on this route' },
    {
      where: 'Cloudflare',
      change: 'Response Buffering off (the default; an Enterprise zone can turn it on)',
    },
  ],
  delayed: [
    { where: 'HAProxy', change: 'option http-no-delay, in defaults, or in the frontend and the backend' },
    { where: 'nginx', change: 'tcp_nodelay on (the default)' },
  ],
  compressed: [
    {
      where: 'nginx',
      change: 'gzip off; or gzip_types without text/event-stream and *: nginx ignores no-transform',
    },
    {
      where: 'ingress-nginx',
      change: 'gzip-types (and brotli-types) in its ConfigMap without text/event-stream and *',
    },
    {
      where: 'Traefik',
      change: 'no compress middleware here, or text/event-stream in its excludedContentTypes',
    },
    {
      where: 'Envoy, HAProxy',
      change: 'both respect no-transform: find the place before them that removes it',
    },
    { where: 'Cloudflare', change: 'no Compression Rule that matches text/event-stream' },
    { where: 'your app', change: 'no compress() middleware around the events' },
  ],
  'content-type': [
    {
      where: 'nginx',
      change: 'no proxy_hide_header Content-Type and no add_header Content-Type on this path',
    },
    { where: 'your app', change: 'no middleware that sets the type of all responses' },
  ],
  'cache-control': [
    {
      where: 'nginx',
      change: 'no proxy_hide_header Cache-Control, expires or add_header Cache-Control here',
    },
    { where: 'Cloudflare', change: 'no rule that changes the response header Cache-Control on this path' },
  ],
  cached: [
    { where: 'nginx', change: 'proxy_cache off; or no Cache-Control in proxy_ignore_headers' },
    { where: 'Cloudflare', change: 'a Cache Rule that bypasses the cache on this path' },
    { where: 'GKE', change: 'Cloud CDN in a cache mode other than FORCE_CACHE_ALL' },
  ],
  'last-event-id': [
    { where: 'nginx', change: 'no proxy_set_header Last-Event-ID "" and no proxy_pass_request_headers off' },
    { where: 'HAProxy', change: 'no http-request del-header last-event-id' },
    { where: 'Envoy', change: 'no last-event-id in request_headers_to_remove' },
  ],
  'no-retry': [
    {
      where: 'Traefik',
      change: 'the middleware retry: { attempts: 10, initialInterval: 100ms } on this route',
    },
    {
      where: 'Envoy Gateway',
      change: 'retry in a BackendTrafficPolicy, on connect-failure and refused-stream',
    },
    { where: 'Envoy', change: 'retry_policy on connect-failure, with previous_hosts; max_retries' },
    { where: 'HAProxy', change: 'option redispatch 1, and retries 10' },
    { where: 'Caddy', change: 'lb_try_duration 10s' },
    { where: 'nginx', change: 'max_fails=0 on each server; proxy_next_upstream error timeout (the default)' },
    { where: 'Varnish', change: 'return (retry) in vcl_backend_error' },
  ],
  'idle-cut': IDLE,
  'length-cut': LENGTH,
  cut: [...IDLE, ...LENGTH],
  'no-http2': [
    { where: 'nginx', change: 'http2 on; or, before 1.25.1: listen 443 ssl http2' },
    { where: 'ingress-nginx', change: 'use-http2: "true" in its ConfigMap (the default)' },
    { where: 'HAProxy', change: 'bind … ssl … alpn h2,http/1.1' },
    { where: 'Envoy', change: 'alpn_protocols: [h2, http/1.1] in the common TLS context of the listener' },
    { where: 'AWS ALB', change: 'routing.http2.enabled=true (the default)' },
  ],
  certificate: [{ where: 'the doctor', change: '--insecure accepts the certificate; a browser does not' }],
}

/** The page that explains all causes. */
export const PAGE = 'docs/doctor.md'
