import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { Tally } from '../telemetry/tally.ts'
import type { Transport } from './transport.ts'

/** A transport that counts how its requests end. Those that this Pod itself calls off are none. */
export function tallied(transport: Transport, clock: Clock, tally: Tally): Transport {
  return async (request) => {
    const startedAt = clock.now()
    const count = (status: number) => tally.answer(request.host, status, clock.now() - startedAt)
    try {
      const answer = await transport(request)
      count(answer.status)
      return answer
    } catch (error) {
      if (!isCalledOff(request.signal)) count(0)
      throw error
    }
  }
}

/** A peer that did not answer in time aborts the request as well. */
function isCalledOff({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof SserError && reason.code === 'peer-failed')
}
