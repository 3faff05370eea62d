import { SserError } from '../errors.ts'
import { APPEND_MAX_BYTES, APPEND_URL_PATH, type Append, parseAppend, printAppend } from '../wire/v2.ts'
import type { Target } from './peer.ts'
import { type PostOptions, post } from './post.ts'

/** Posts one v2 message and reads the answer; undefined from a peer that does not know v2. */
export async function postAppend(
  target: Target,
  message: Append,
  options: PostOptions,
): Promise<Append | undefined> {
  const { status, body } = await post(
    target,
    APPEND_URL_PATH,
    printAppend(message),
    APPEND_MAX_BYTES,
    options,
  )
  if (status === 404) return undefined
  if (status !== 200) throw new SserError('peer-failed', `answered ${status}`)
  return parseAppend(body)
}
