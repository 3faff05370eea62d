// Commands that a measured Pod accepts from its parent process.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { CHUNKS_PER_SECOND, chunksOf, now, type RunPlan } from './plan.ts'

/**
 * `open`: begin these runs, without a chunk. `write`: write `count` chunks of each, `CHUNKS_PER_SECOND` a second. `fill`: write
 * `count` chunks of `bytes` bytes to each, one in a turn of the event loop or all at once, and end them.
 */
export type Command =
  | { do: 'open'; runs: readonly RunPlan[] }
  | { do: 'write'; count: number }
  | { do: 'fill'; count: number; bytes: number; isPaced: boolean }

export interface Result {
  url?: string
  /** Times at which each chunk was written, by the name of the run. */
  times?: Record<string, number[]>
  error?: string
}

/** How a Pod begins runs. */
interface Writer {
  write(chunk: string): void
  end(): void
}

export interface RunServer {
  url: string
  /** Begins a run. */
  open(name: string): Promise<Writer>
}

/** Obeys the commands of the parent until it disconnects. */
export async function obey({ url, open }: RunServer): Promise<void> {
  let writers: { plan: RunPlan; writer: Writer }[] = []
  const answer = (result: Result) => process.send?.(result)
  process.on('disconnect', () => process.exit())
  process.on('message', async (command: Command) => {
    try {
      if (command.do === 'open') {
        writers = await Promise.all(
          command.runs.map(async (plan) => ({ plan, writer: await open(plan.name) })),
        )
        answer({})
      } else if (command.do === 'write') answer({ times: await writeAll(writers, command.count) })
      else {
        for (let i = 0; i < command.count; i += 1) {
          for (const { writer } of writers) writer.write('x'.repeat(command.bytes))
          if (command.isPaced) await pause(5)
        }
        for (const { writer } of writers) writer.end()
        answer({})
      }
    } catch (error) {
      answer({ error: String(error) })
    }
  })
  answer({ url })
}

/** Writes all runs in time, each with a phase of its own, as models answer independently. */
async function writeAll(
  writers: readonly { plan: RunPlan; writer: Writer }[],
  count: number,
): Promise<Record<string, number[]>> {
  const interval = 1_000 / CHUNKS_PER_SECOND
  const due = writers.map(({ plan, writer }, i) => ({
    writer,
    chunks: chunksOf(plan, count),
    times: [] as number[],
    at: now() + (i / writers.length) * interval,
  }))
  const { promise, resolve } = Promise.withResolvers<void>()
  const tick = setInterval(() => {
    const time = now()
    let isDone = true
    for (const run of due) {
      const i = run.times.length
      if (i > count) continue
      isDone = false
      if (run.at > time) continue
      run.at += interval
      run.times.push(now())
      if (i === count) run.writer.end()
      else run.writer.write(run.chunks[i] as string)
    }
    if (!isDone) return
    clearInterval(tick)
    resolve()
  }, 1)
  await promise
  return Object.fromEntries(writers.map(({ plan }, i) => [plan.name, due[i]?.times.slice(0, count) ?? []]))
}

/** Serves `/runs/NAME`: a response with the text of the run. */
export async function serveRuns(host: string, read: (name: string) => Promise<ReadableStream<string>>) {
  const server = createServer(async (request, response) => {
    const stream = await read(request.url?.split('/').at(-1) as string)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    for await (const text of stream) response.write(text)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return `http://${host}:${(server.address() as AddressInfo).port}`
}
