import { describeValue, SserError } from '../errors.ts'
import type { RunItem, RunSubscription } from './run-subscription.ts'

/**
 * The chunks of a run as a stream of text; `isResumed`: its consumer has the text before already. It reads as its consumer does. It closes at the end of a run that has ended or was
 * cancelled, and where the instance stops; it errors where the run failed or is lost, or chunks are missing.
 */
export function runTextStream(
  name: string,
  subscription: RunSubscription,
  isResumed: boolean,
): ReadableStream<string> {
  let isBegun = isResumed
  return new ReadableStream<string>(
    {
      async pull(controller) {
        for (;;) {
          const result = await subscription.next()
          if (result.done) return controller.close()
          const { value } = result
          if (value.type === 'chunk') {
            isBegun = true
            return controller.enqueue(value.text)
          }
          // Another Pod has started the name at once, and this reader has no text of the run that gives way.
          if (value.type === 'gap' && value.index === 0 && !isBegun) continue
          const error = faultOf(name, value)
          if (error !== undefined) {
            await subscription.return()
            throw error
          }
        }
      },
      async cancel() {
        await subscription.return()
      },
    },
    { highWaterMark: 0 },
  )
}

function faultOf(name: string, item: Exclude<RunItem, { type: 'chunk' }>): SserError | undefined {
  const run = `The run ${describeValue(name)}`
  if (item.type === 'gap')
    return new SserError(
      'run-incomplete',
      `${run} is not whole: chunks before ${item.index} are missing; readRun() goes on after a gap`,
    )
  if (item.type !== 'end' || item.state === 'ended' || item.state === 'cancelled') return undefined
  if (item.state === 'lost')
    return new SserError('run-incomplete', `${run} is lost: its producer's Pod has gone`)
  return new SserError(
    'run-failed',
    `${run} has failed${item.reason === undefined ? '' : `: ${item.reason}`}`,
  )
}
