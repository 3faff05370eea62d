import type { Runtime } from '../running-pod.ts'
import { certificateReader, nodeHmac } from './crypto.ts'
import { httpTransports } from './http-transport.ts'
import { bindInternal } from './internal-listener.ts'

/** What `serve()` and `join()` use of Node. */
export const nodeRuntime: Runtime = {
  bindInternal,
  process,
  transports: httpTransports,
  hmacFactory: nodeHmac,
  certificateReader,
}
