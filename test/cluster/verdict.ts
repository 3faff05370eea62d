import type { GapNotice, StreamClient } from '../support/stream-client.ts'
import type { Sent } from './sender.ts'

/** What clients got of what was sent: what is wrong, in words, and how much there was. */
export interface Verdict {
  /** Promised and not received, and no gap notice covers it: see {@link isCovered}. */
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

export function judge(sent: readonly Sent[], clients: readonly StreamClient[]): Verdict {
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
 * Whether a gap notice tells of a missing event: it came after the event was sent, and before any later event of the
 * same Pod. A Pod's events arrive in order, so once a later one is there, the loss was silent.
 */
function isCovered(one: Sent, { at, last }: GapNotice & { last: ReadonlyMap<string, number> }): boolean {
  if (at < one.at) return false
  const { epoch, seq } = numberOf(one) ?? {}
  return epoch === undefined || seq === undefined || (last.get(epoch) ?? 0) < seq
}

/** A receipt's id is an epoch of five characters, the event's number there and a check. */
function numberOf(sent: Sent | undefined): { epoch: string; seq: number } | undefined {
  const [, epoch, seq] = /^(.{5})(\w+)-/.exec(sent?.receipt?.id ?? '') ?? []
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq: Number.parseInt(seq, 36) }
}
