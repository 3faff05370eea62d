/** The package's entry under Node: what `sser` exports, and peers are reached with Node's own HTTP client. */

import { httpTransport } from './runtime/node/http-transport.ts'
import { requireNode } from './runtime/node/require-node.ts'
import { setDefaultTransport } from './transport/peer-transport.ts'

export * from './index.ts'

requireNode()
setDefaultTransport(httpTransport(undefined))
