import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Diagnosis, diagnose } from '../doctor/diagnosis.ts'
import { requires } from '../support/requires.ts'
import { until } from '../support/until.ts'
import { ProxiedFleet } from './fleet.ts'
import { Lane } from './lane.ts'
import { nginx, PRODUCTS, type Product } from './products.ts'

/** Pods at 1 to 3, proxies from 11 on, controls from 51 on. */
const PREFIX = '127.0.94.'
const STREAM = 'matrix'
const CALM_EVENTS = 8
const CALM_MS = 250
const SETTLE_MS = 20_000
/** HAProxy holds an event back for 200 ms, and nothing else for as long. */
const HELD_BACK_MS = 100
/** After a client has left, each of these is written to the proxy's connection; TCP reports the first one's failure. */
const LATE_EVENTS = 4
const LEAVE_MS = 5_000
/** Time limit of the doctor for the first event, long enough for a busy machine. */
const DOCTOR_TIMEOUT_MS = 5_000

const installed = PRODUCTS.map((product) => ({ product, program: requires(product.program) }))
const lanes: Lane[] = []
const examples = () => lanes.filter(({ isControl }) => !isControl)
const controls = () => lanes.filter(({ isControl }) => isControl)
const laneOf = (product: Product, isControl = false) =>
  lanes.find((lane) => lane.product === product && lane.isControl === isControl) as Lane

let fleet: ProxiedFleet
let sent = 0

async function send(place: 0 | 1 | 2, count: number, pauseMs = 0): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    sent += 1
    await fleet.send(place, STREAM, JSON.stringify({ number: sent, sentAt: performance.now() }))
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** Waits, and never fails: the tests say which proxy lost an event. */
async function settle(isSettled: () => boolean): Promise<void> {
  await until('', isSettled, SETTLE_MS).catch(() => {})
}

const isWhole = () => examples().every((lane) => lane.hasAll(sent))
const hasFailed = ({ closed }: Lane) => closed > 0

async function start(): Promise<void> {
  fleet = await ProxiedFleet.start(PREFIX)
  const starts = installed.flatMap(({ product, program }, i) => {
    if (program === undefined) return []
    const place = (first: number, isControl: boolean) =>
      Lane.start(product, program, { host: `${PREFIX}${first + i}`, podPrefix: PREFIX, isControl })
    return [place(11, false), ...(product.withDefaults ? [place(51, true)] : [])]
  })
  lanes.push(...(await Promise.all(starts)))
  for (const lane of lanes) lane.connect(STREAM)
  await settle(() => lanes.every(({ clients }) => clients.every(({ isOpen }) => isOpen)))
}

describe('a real proxy in front of three Pods', () => {
  const shortestMs = new Map<Lane, number>()
  const leftMs = new Map<Lane, number>()
  const diagnoses = new Map<Lane, Diagnosis>()

  beforeAll(async () => {
    await start()
    await send(0, CALM_EVENTS, CALM_MS)
    await settle(isWhole)
    for (const lane of lanes) shortestMs.set(lane, lane.shortestDelayMs)
    await Promise.all(examples().map(leave))
    await Promise.all(lanes.map(ask))

    await fleet.kill(0)
    await send(2, 5)
    await settle(isWhole)
    await fleet.kill(1)
    await send(2, 5)
    // A control that is asked for the two Pods that are gone fails; nginx's only when the third one has failed, too.
    await settle(() => isWhole() && controls().every((lane) => hasFailed(lane) || lane.product === nginx))
    await Promise.all([fleet.restart(0), fleet.restart(1)])
    await send(0, 1)
    await fleet.kill(2)
    await send(0, 5)
    await settle(() => isWhole() && controls().every(hasFailed))
    for (const lane of controls()) lane.leave()

    await fleet.restart(2)
    await fleet.drain(1)
    await send(2, 5)
    await settle(isWhole)
    await fleet.restart(1)
    await fleet.silence(0)
    await send(1, 5)
    await settle(isWhole)
    console.log(report())
  }, 150_000)

  afterAll(async () => {
    await Promise.all(lanes.map((lane) => lane.stop()))
    await fleet.stop()
  })

  /** Measures how long a Pod counts a client that has left. */
  async function leave(lane: Lane): Promise<void> {
    const stream = `left-${lane.product.name}`
    const close = await lane.openAndLeave(stream)
    await until(`the client of ${lane.product.name} is counted`, async () => {
      return (await fleet.connections(stream)) === 1
    })
    const leftAt = performance.now()
    close()
    const isGone = async () => (await fleet.connections(stream)) === 0
    if (lane.product.endsAtOnce) await until('', isGone, LEAVE_MS).catch(() => {})
    for (let i = 0; i < LATE_EVENTS && !lane.product.endsAtOnce; i += 1) {
      await fleet.send(0, stream, 'written after the client has left')
      await until('', isGone, 500).catch(() => {})
    }
    if (await isGone()) leftMs.set(lane, performance.now() - leftAt)
  }

  async function ask(lane: Lane): Promise<void> {
    diagnoses.set(lane, await diagnose(lane.urlOf('asked-by-the-doctor'), { timeoutMs: DOCTOR_TIMEOUT_MS }))
  }

  function report(): string {
    const cells = lanes.map((lane) => {
      const { product, isControl, closed, clients } = lane
      const left = leftMs.get(lane)
      return [
        `${product.name}${isControl ? ', by default' : ''}`.padEnd(24),
        `event in ${Math.round(shortestMs.get(lane) ?? Number.NaN)} ms`.padEnd(18),
        `${closed} of ${clients.length} closed for good`.padEnd(26),
        left === undefined ? '' : `client gone after ${Math.round(left)} ms`,
      ].join('')
    })
    return cells.join('\n')
  }

  for (const { product, program } of installed) {
    const missing = program === undefined ? ` (needs ${product.program})` : ''
    describe.skipIf(program === undefined)(`${product.name}${missing}`, () => {
      test('loses, doubles and refuses nothing while Pods crash, drain and vanish', () => {
        const { clients } = laneOf(product)
        expect(clients.map((client) => client.missing(sent))).toEqual(clients.map(() => 0))
        expect(clients.reduce((sum, { duplicates, gaps }) => sum + duplicates + gaps, 0)).toBe(0)
        expect(clients.flatMap(({ refusals }) => refusals)).toEqual([])
        expect(laneOf(product).closed).toBe(0)
      })

      test('passes on an event without holding it back', () => {
        expect(shortestMs.get(laneOf(product))).toBeLessThan(HELD_BACK_MS)
      })

      test('gives the doctor no problem to report', () => {
        expect(diagnoses.get(laneOf(product))?.causes).toEqual([])
      })

      test(`tells a Pod ${product.endsAtOnce ? 'at once' : 'with the next events'} that a client has left`, () => {
        expect(leftMs.has(laneOf(product))).toBe(true)
      })

      if (product.withDefaults === undefined) return
      test('closes an EventSource for good without the settings of the example', () => {
        expect(laneOf(product, true).closed).toBeGreaterThan(0)
      })
    })
  }

  test.skipIf(!installed.some(({ product, program }) => product.name === 'HAProxy' && program))(
    'HAProxy delays each event by 200 ms without http-no-delay, and the doctor reports it',
    () => {
      const { product } = installed.find((each) => each.product.name === 'HAProxy') as { product: Product }
      expect(shortestMs.get(laneOf(product, true))).toBeGreaterThan(HELD_BACK_MS)
      expect(diagnoses.get(laneOf(product, true))?.causes).toEqual(['delayed'])
    },
  )
})
