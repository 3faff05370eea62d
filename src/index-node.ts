/** The package's entry under Node: the exports of `sser`, with Node's own HTTP client for peers. */

import { httpTransports } from './runtime/node/http-transport.ts'
import { requireNode } from './runtime/node/require-node.ts'
import { setDefaultTransports } from './transport/peer-transport.ts'

export * from './index.ts'

requireNode()
setDefaultTransports(httpTransports(undefined))
