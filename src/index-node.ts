/** The package's entry under Node: the exports of `sser`, with Node's own HTTP client for peers. */

import { httpTransport } from './runtime/node/http-transport.ts'
import { requireNode } from './runtime/node/require-node.ts'
import { setDefaultTransport } from './transport/peer-transport.ts'

export * from './index.ts'

requireNode()
setDefaultTransport(httpTransport(undefined))
