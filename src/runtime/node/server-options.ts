/** How long a client or a peer may take to send a request's headers, and how often that is checked, in milliseconds. */
export const HEADERS_LIMIT = { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 } as const
/** TCP probes a quiet connection after 60 s, because a client or peer that is lost with its machine or network sends nothing. */
export const TCP_KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const

/** The host in the URL of a request without a `Host`, as HTTP/1.0 allows: balancers probe so. Node refuses HTTP/1.1 without. */
export const DEFAULT_HOST = 'localhost'
