import { SserError } from '../errors.ts'
import { readBody } from '../wire/body.ts'
import { APPEND_MAX_BYTES, APPEND_URL_PATH, type Append, parseAppend, printAppend } from '../wire/v2.ts'
import type { Target } from './peer.ts'
import { type PostOptions, post } from './post.ts'

/** Posts one v2 message and reads the answer; undefined from a peer that does not know v2. */
export function postAppend(
  target: Target,
  message: Append,
  options: PostOptions,
): Promise<Append | undefined> {
  return post(
    target,
    APPEND_URL_PATH,
    printAppend(message),
    async (response) => {
      if (response.status === 404) return undefined
      if (response.status !== 200) throw new SserError('peer-failed', `answered ${response.status}`)
      return parseAppend(await readBody(response, APPEND_MAX_BYTES))
    },
    options,
  )
}
