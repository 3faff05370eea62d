// A process with many clients: they connect, some leave and come back, and each keeps a ledger of its events.
import { Agent } from 'node:http'
import { until } from '../support/until.ts'
import { Counters, SoakClient } from './client.ts'
import type { Due } from './ledger.ts'
import { obey } from './line.ts'
import { Timetable } from './timetable.ts'

export type Order =
  | { do: 'open'; urls: readonly string[]; clients: number; streams: number }
  /** From now on `perSecond` clients leave each second, and come back soon. */
  | { do: 'churn'; perSecond: number }
  | { do: 'judge'; due: readonly Due[] }
  | { do: 'count' }
  /** No client leaves any more; waits for clients that are away, and for due events. */
  | { do: 'settle'; due: readonly Due[] }
  | { do: 'close' }

/** Counts of all clients so far. */
export interface Seen {
  events: number
  greetings: number
  resumes: number
  cuts: number
  gaps: number
  /** Missing events that a gap announced. */
  told: number
  lost: number
  twice: number
  disordered: number
  stray: number
  /** Clients whose connection is greeted. */
  open: number
  /** Times that no client left though one was due, because this process was paused. */
  skipped: number
  examples: readonly string[]
}

const TURN_MS = 20
const OPEN_MS = 30_000
/** Every so many-th client listens on a second stream. */
const SECOND_STREAM = 10

const counters = new Counters()
const agent = new Agent({ keepAlive: true })
const clients: SoakClient[] = []
let timetable: Timetable | undefined
let turns: NodeJS.Timeout | undefined

obey(async (order: Order) => {
  if (order.do === 'open') await open(order)
  if (order.do === 'churn') churn(order.perSecond)
  if (order.do === 'judge') for (const { ledger } of clients) ledger.judge(order.due)
  if (order.do === 'settle') await settle(order.due)
  if (order.do === 'close') close()
  return seen()
})

async function open({ urls, clients: count, streams }: Extract<Order, { do: 'open' }>): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const own = [i % streams]
    if (i % SECOND_STREAM === 0) own.push((i * 7 + 1) % streams)
    clients.push(new SoakClient(i, [...new Set(own)], { urls, counters, agent }))
    // A listener's queue is not long.
    if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, TURN_MS))
  }
  await until('every client is greeted', () => clients.every(({ isGreeted }) => isGreeted), OPEN_MS)
}

function churn(perSecond: number): void {
  timetable = new Timetable(perSecond, performance.now())
  turns = setInterval(() => {
    const here = clients.filter(({ isGreeted }) => isGreeted)
    for (let due = timetable?.due(performance.now()) ?? 0; due > 0 && here.length > 0; due -= 1) {
      const [client] = here.splice(Math.floor(Math.random() * here.length), 1)
      client?.leave()
    }
  }, TURN_MS)
}

async function settle(due: readonly Due[]): Promise<void> {
  clearInterval(turns)
  await until('every client is back', () => clients.every(({ isGreeted }) => isGreeted), OPEN_MS)
  try {
    await until(
      'all that is due is there',
      () => clients.every(({ ledger }) => ledger.lacking(due) === 0),
      OPEN_MS,
    )
  } catch {
    // `judge` reports the events that never arrive.
  }
}

function close(): void {
  for (const client of clients) client.close()
  agent.destroy()
}

function seen(): Seen {
  const { errors, ...rest } = counters
  return {
    ...rest,
    ...errors,
    gaps: clients.reduce((sum, { ledger }) => sum + ledger.gaps, 0),
    told: clients.reduce((sum, { ledger }) => sum + ledger.told, 0),
    open: clients.filter(({ isGreeted }) => isGreeted).length,
    skipped: timetable?.skipped ?? 0,
  }
}
