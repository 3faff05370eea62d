import type { RunClient } from './run-client.ts'

/** A run whose chunks are their numbers, its readers, and what happened to its Pod. */
export interface GeneratedRun {
  name: string
  /** Number of its chunks. */
  chunks: number
  /** Signal that its Pod received while the run may have been running. */
  signal: NodeJS.Signals | undefined
  clients: RunClient[]
}

/** Returns whether the reader expects nothing more. */
export function isOver({ end, faults }: RunClient): boolean {
  return end !== undefined || faults.length > 0
}

/** Compares what the readers of a run have with its chunks, and with what happened to its Pod; a line for each fault. */
export function faultsOf({ name, chunks, signal, clients }: GeneratedRun): string[] {
  const faults = clients.flatMap((client) => client.faults)
  for (const client of clients) {
    const { end, nextChunk } = client
    if (!isOver(client)) faults.push(`${name}: no end after ${nextChunk} of ${chunks} chunks`)
    if (end === undefined) continue
    const { state, reason } = end
    const isWhole = state === 'ended' && nextChunk === chunks
    const isCutOff = signal === 'SIGTERM' && state === 'failed' && reason === 'draining'
    // A Pod that is killed within some milliseconds of the start has told no other Pod of the run.
    const isLost = signal === 'SIGKILL' && (state === 'lost' || state === 'not-found')
    if (!(isWhole || isCutOff || isLost))
      faults.push(`${name}: ${JSON.stringify(end)} after ${nextChunk} of ${chunks} chunks, with ${signal}`)
  }
  const told = clients.filter(({ end }) => end !== undefined && end.state !== 'lost')
  const ends = new Set(told.map(({ end, nextChunk }) => `${end?.state} after ${nextChunk} chunks`))
  if (told.length < clients.length && told.some(({ end }) => end?.state === 'not-found')) ends.add('lost')
  if (ends.size > 1) faults.push(`${name}: the readers have different ends: ${[...ends].join(', ')}`)
  return faults
}
