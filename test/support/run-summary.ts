import { encodeRunsRequest, parseRunsAnswer, type RunSummary } from '../../src/wire/run-messages.ts'
import type { RunId } from '../../src/wire/runs.ts'
import type { Pod } from './fleet.ts'

/** What a Pod answers to a peer that asks for the run. */
export async function summaryOf({ sser }: Pod, id: RunId): Promise<RunSummary | undefined> {
  const body = encodeRunsRequest({ epoch: 'asker', ids: [id] })
  const request = new Request('http://10.0.0.0:7000/api/json/v2/runs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const response = await sser.internalRoutes.fetch(request)
  return parseRunsAnswer(await response.text()).runs[0]
}
