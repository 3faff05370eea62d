import type { Surface } from './surface.ts'
import { accountFile } from './surfaces/account-file.ts'
import { apiServer } from './surfaces/api-server.ts'
import { dns } from './surfaces/dns.ts'
import { frames } from './surfaces/frames.ts'
import { internal } from './surfaces/internal.ts'
import { lyingPeer } from './surfaces/lying-peer.ts'
import { peerAnswer } from './surfaces/peer-answer.ts'
import { position } from './surfaces/position.ts'
import { request } from './surfaces/request.ts'
import { runPeer } from './surfaces/run-peer.ts'
import { runRequest } from './surfaces/run-request.ts'
import { signature } from './surfaces/signature.ts'
import { v1 } from './surfaces/v1.ts'
import { v2 } from './surfaces/v2.ts'

/** Every way by which something from outside comes in. */
export const surfaces: readonly Surface[] = [
  position,
  request,
  runRequest,
  runPeer,
  v1,
  v2,
  internal,
  signature,
  lyingPeer,
  peerAnswer,
  frames,
  apiServer,
  accountFile,
  dns,
] as readonly Surface[]
