// Resumable streams of TanStack AI on several Pods: the log of a run is a run of sser.
import { resolveResumeRunId, type StreamChunk, type StreamDurability } from '@tanstack/ai'
import type { Run, Sser } from 'sser'

/**
 * The durability adapter of one request, in the place of `memoryStream(request)`. `stopped`: the `abortController` of the
 * response, which aborts when any Pod cancels the run.
 */
export function sserDurability(sser: Sser, request: Request, stopped?: AbortController): StreamDurability {
  const id = resolveResumeRunId(request)
  if (id === null) throw new Error('expected the id of the run in the header X-Run-Id, or as ?runId')
  const name = `tanstack:${id}`
  const offset = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('offset')
  let run: Run | undefined

  async function* read(after: string, signal?: AbortSignal) {
    const start = after === 'now' ? { from: 'now' as const } : after === '-1' ? {} : { after }
    for await (const item of sser.readRun(name, { ...start, signal })) {
      if (item.type === 'chunk') yield { offset: item.id, chunk: JSON.parse(item.text) as StreamChunk }
      // The adapter must never end as if all was well.
      else if (item.type === 'gap') throw new Error('The run has lost chunks that this reader lacks')
      else if (item.type === 'end' && item.state === 'lost')
        throw new Error('The Pod that wrote the run has died')
    }
  }

  return {
    resumeFrom: () => offset,
    async append(chunks) {
      if (run === undefined) {
        run = await sser.startRun(name, { replace: true })
        run.signal.addEventListener('abort', () => stopped?.abort())
      }
      const own = run
      return chunks.map((chunk) => {
        own.write(JSON.stringify(chunk))
        return own.lastId as string
      })
    },
    read,
    async close() {
      run?.end()
    },
    async snapshot() {
      const chunks = (await sser.run(name))?.chunks ?? 0
      const stored: { offset: string; chunk: StreamChunk }[] = []
      if (chunks > 0)
        for await (const entry of read('-1')) {
          stored.push(entry)
          if (stored.length >= chunks) break
        }
      return stored
    },
  }
}
