/** The package's entry under Node: what `sser` exports, and peers are reached with Node's own HTTP client. */
import { setDefaultTransport } from '../mesh/transport.ts'
import { httpTransport } from './http-transport.ts'

// biome-ignore lint/style/noRestrictedImports: users import it in place of that one
export * from '../index.ts'

setDefaultTransport(httpTransport(undefined))
