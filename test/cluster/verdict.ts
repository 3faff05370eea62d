import type { GapNotice, StreamClient } from '../support/stream-client.ts'
import type { Sent } from './sender.ts'

/** The events that a client has received, and what else it was told. */
export type Recording = Pick<StreamClient, 'streams' | 'received' | 'gaps' | 'gapNotices' | 'failure'>

/** Comparison of the sent events with the received events: a line for each error, and counts. */
export interface Verdict {
  /** Promised events that a client did not receive, and that no gap notice covers: see {@link isCovered}. */
  lost: string[]
  /** Events that a client received twice. */
  twice: string[]
  /** Events that a client received out of the order of their Pod. */
  disordered: string[]
  /** Reasons of the gap notices that clients received. */
  gaps: string[]
  /** Clients that failed for good and will not reconnect. */
  gaveUp: string[]
  /** Number of events that must reach every client of their stream. */
  promised: number
  /** Number of the other events: without a receipt, or only on a killed Pod. */
  unknown: number
  /** Number of received events, summed over the clients. */
  received: number
}

/** Returns whether an event must reach every client: it has a receipt, and a surviving Pod held it. */
function isPromised({ receipt, isOrphan }: Sent): boolean {
  if (receipt === undefined) return false
  return !isOrphan || receipt.peers.some(({ status }) => status === 'delivered')
}

export function judge(sent: readonly Sent[], clients: readonly Recording[]): Verdict {
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
    const notices = client.gapNotices.map((notice) => ({ ...notice, last: new Map<string, number>() }))
    for (const [index, { msg }] of client.received.entries()) {
      if (got.has(msg)) verdict.twice.push(`${name}: ${msg}`)
      got.add(msg)
      const { epoch, seq } = numberOf(byMessage.get(msg)) ?? {}
      if (epoch === undefined || seq === undefined) continue
      if (seq < (last.get(epoch) ?? 0)) verdict.disordered.push(`${name}: ${msg}`)
      last.set(epoch, seq)
      for (const notice of notices) if (index < notice.received) notice.last.set(epoch, seq)
    }
    for (const one of promised) {
      if (!client.streams.includes(one.stream) || got.has(one.msg)) continue
      if (!notices.some((notice) => isCovered(one, notice))) verdict.lost.push(`${name}: ${one.msg}`)
    }
  }
  return verdict
}

/**
 * Returns whether a gap notice covers a missing event: the client received it after the event was sent, and before any
 * later event of the same Pod. A Pod's events arrive in order, so a loss is silent if a later event arrives first.
 */
function isCovered(one: Sent, { at, last }: GapNotice & { last: ReadonlyMap<string, number> }): boolean {
  if (at < one.at) return false
  const { epoch, seq } = numberOf(one) ?? {}
  return epoch === undefined || seq === undefined || (last.get(epoch) ?? 0) < seq
}

/** Parses the id of a receipt: an epoch of five characters, the event's number in it, and a check. */
function numberOf(sent: Sent | undefined): { epoch: string; seq: number } | undefined {
  const [, epoch, seq] = /^(.{5})(\w+)-/.exec(sent?.receipt?.id ?? '') ?? []
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq: Number.parseInt(seq, 36) }
}
