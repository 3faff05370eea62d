import type { Runtime } from '../running-pod.ts'
import { certificateReader, nodeHmac } from './crypto.ts'
import { httpTransports } from './http-transport.ts'
import { bindInternal } from './internal-listener.ts'

/** The parts of Node that `serve()` and `join()` use. */
export const nodeRuntime: Runtime = {
  bindInternal,
  process,
  transports: httpTransports,
  hmacFactory: nodeHmac,
  certificateReader,
}
