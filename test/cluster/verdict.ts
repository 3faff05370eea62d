import type { Client } from '../fleet/clients.ts'
import type { Sent } from './sender.ts'

/** What clients got of what was sent: what is wrong, in words, and how much there was. */
export interface Verdict {
  /** Promised and not there, though the client was not told of a gap. */
  lost: string[]
  /** There twice. */
  twice: string[]
  /** There in another order than its Pod gave it. */
  disordered: string[]
  /** What clients were told that they miss. */
  gaps: string[]
  /** Clients that will never come back. */
  gaveUp: string[]
  /** Events whose receipt promised something; events of which nothing is known, or nothing promised. */
  promised: number
  unknown: number
  /** Events that clients got. */
  received: number
}

/** Whether an event must reach everyone: it has a receipt, and a Pod that lived on held it. */
function isPromised({ receipt, isOrphan }: Sent): boolean {
  if (receipt === undefined) return false
  return !isOrphan || receipt.peers.some(({ status }) => status === 'delivered')
}

export function judge(sent: readonly Sent[], clients: readonly Client[]): Verdict {
  const promised = sent.filter(isPromised)
  const byMessage = new Map(sent.map((one) => [one.msg, one]))
  const verdict: Verdict = {
    lost: [],
    twice: [],
    disordered: [],
    gaps: clients.flatMap(({ gaps }) => gaps),
    gaveUp: [],
    promised: promised.length,
    unknown: sent.length - promised.length,
    received: clients.reduce((sum, { received }) => sum + received.length, 0),
  }
  for (const [number, client] of clients.entries()) {
    const name = `client ${number} of ${client.streams}`
    if (client.failure !== undefined) verdict.gaveUp.push(`${name}: ${client.failure}`)
    const got = new Set<string>()
    const last = new Map<string, number>()
    for (const { msg } of client.received) {
      if (got.has(msg)) verdict.twice.push(`${name}: ${msg}`)
      got.add(msg)
      const { epoch, seq } = numberOf(byMessage.get(msg)) ?? {}
      if (epoch === undefined || seq === undefined) continue
      if (seq < (last.get(epoch) ?? 0)) verdict.disordered.push(`${name}: ${msg}`)
      last.set(epoch, seq)
    }
    if (client.gaps.length > 0) continue
    for (const { stream, msg } of promised) {
      if (client.streams.includes(stream) && !got.has(msg)) verdict.lost.push(`${name}: ${msg}`)
    }
  }
  return verdict
}

/** A receipt's id is an epoch of five characters, the event's number there and a check. */
function numberOf(sent: Sent | undefined): { epoch: string; seq: number } | undefined {
  const [, epoch, seq] = /^(.{5})(\w+)-/.exec(sent?.receipt?.id ?? '') ?? []
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq: Number.parseInt(seq, 36) }
}
