import { afterEach, describe, expect, it } from 'vitest'
import { SecuredFleet } from '../security/fleet.ts'
import { until } from '../support/until.ts'

const fleet = new SecuredFleet('127.0.174')
afterEach(() => fleet.stop())

describe('the exchanges of a Pod that stops', () => {
  it('end after its last acknowledgements, without an error at any peer', async () => {
    const pods = await fleet.start(...Array.from({ length: 3 }, () => ({ flushTimeoutMs: 5_000 })))
    const [leaving, ...staying] = pods.map(({ sser }) => sser)
    const areExchanges = () =>
      pods.every(({ sser }) => sser.peers.every(({ state, exchange }) => state === 'self' || exchange))
    await until('all links are exchanges', areExchanges)
    const receipts = staying.map((sser) => sser.send('a', 'sent just before the stop'))
    const last = leaving?.send('a', 'the last event')
    await fleet.pods[0]?.served.stop()
    for (const receipt of await Promise.all([...receipts, last]))
      expect(receipt?.peers.map(({ status }) => status)).toEqual(['delivered', 'delivered'])
    await until('they have ended', () => staying.every((sser) => sser.stats().peerExchanges.accepted === 1))
    for (const sser of staying)
      expect(sser.stats().peerExchanges).toMatchObject({ opened: 1, accepted: 1, fallbacks: 0 })
    await until('the Pod keeps none', () => {
      const { opened, accepted } = leaving?.stats().peerExchanges ?? {}
      return opened === 0 && accepted === 0
    })
  })
})
