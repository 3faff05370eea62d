import { describe, expect, it } from 'vitest'
import { expectExact, type FakeLink, type FakeTab, Sharing } from './sharing.ts'

describe('the hub of the tabs', () => {
  it('delivers each event once to each tab, while tabs come, freeze, are cached, and take the hub over', async () => {
    const sharing = await Sharing.start(8)
    const { clock } = sharing.fleet
    const names = ['a', 'b', 'c', 'd', 'e']
    const streams = () => names.filter((_, i) => i === 0 || sharing.random() < 0.4)
    const tabs = [sharing.tab('a', 'b'), sharing.tab('a', 'c')]
    await clock.advance(500)
    const moves = [
      () => tabs.length < 8 && tabs.push(sharing.tab(...streams())),
      () => sharing.replaceHub(),
      (tab: FakeTab) => tab.link?.freeze(),
      (tab: FakeTab) => tab.link?.unfreeze(),
      (tab: FakeTab) => tab.page.fire('pagehide', { persisted: true }),
      (tab: FakeTab) => tab.page.fire('pageshow', { persisted: true }),
    ]
    for (let step = 0; step < 600; step += 1) {
      sharing.send(names[sharing.pick(names.length)] as string)
      if (sharing.random() < 0.7) await clock.advance(sharing.pick(30))
      const tab = tabs[sharing.pick(tabs.length)] as FakeTab
      if (sharing.random() < 0.15) moves[sharing.pick(moves.length)]?.(tab)
    }
    for (const tab of tabs) {
      tab.link?.unfreeze()
      tab.page.fire('pageshow', { persisted: true })
    }
    await clock.advance(10_000)
    expect(tabs.length).toBe(8)
    expect(sharing.sent.length).toBe(600)
    for (const tab of tabs) expectExact(sharing, tab)
    expect(sharing.open).toBe(1)
    for (const tab of tabs) tab.source.close()
    sharing.hub.close()
    await sharing.fleet.stop()
  })

  it('sends a tab that reads nothing no more than 10,000 items, and all that it lacks afterwards', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const [tab, other] = [sharing.tab('a'), sharing.tab('a')]
    await clock.advance(500)
    tab.link?.freeze()
    for (let i = 0; i < 12_000; i += 1) {
      sharing.send('a')
      if (i % 500 === 0) await clock.advance(20)
    }
    await clock.advance(500)
    expect(tab.received.size).toBe(0)
    expect(tab.link?.heldItems).toBeGreaterThan(10_000)
    expect(tab.link?.heldItems).toBeLessThan(11_500)
    tab.link?.unfreeze()
    await clock.advance(2_000)
    for (const each of [tab, other]) expectExact(sharing, each)
    await sharing.fleet.stop()
  })

  it('posts the first event after a pause at once, and those of the next eight milliseconds together', async () => {
    const sharing = await Sharing.start(8)
    const { clock } = sharing.fleet
    const tab = sharing.tab('a')
    await clock.advance(500)
    const link = tab.link as FakeLink
    const messages = link.messages
    const counts: number[] = []
    for (let i = 0; i < 7; i += 1) {
      sharing.send('a')
      await clock.advance(1)
      counts.push(link.messages - messages)
    }
    await clock.advance(1)
    expect(counts).toEqual([1, 1, 1, 1, 1, 1, 1])
    expect(link.messages - messages).toBe(2)
    expectExact(sharing, tab)
    await sharing.fleet.stop()
  })

  it('keeps the streams of a tab that has left for five seconds, and the connection for no longer', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const [tab, other] = [sharing.tab('a'), sharing.tab('b')]
    await clock.advance(500)
    const { requests } = sharing
    other.source.close()
    const again = sharing.tab('b')
    await clock.advance(4_000)
    expect(sharing.requests).toBe(requests)
    for (const each of [tab, again]) each.source.close()
    await clock.advance(6_000)
    expect(sharing.open).toBe(0)
    await sharing.fleet.stop()
  })

  it('leaves a tab alone whose streams are too many for one connection', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const many = (prefix: string) => Array.from({ length: 20 }, (_, i) => `${prefix}${i}`)
    const tabs = [sharing.tab(...many('a')), sharing.tab(...many('b'))]
    await clock.advance(500)
    sharing.send('a7')
    sharing.send('b7')
    await clock.advance(500)
    expect(tabs.map(({ received }) => [...received.keys()])).toEqual([['a7'], ['b7']])
    expect(sharing.open).toBe(2)
  })

  it('ignores messages that no tab of this version sends', async () => {
    const sharing = await Sharing.start()
    const { clock } = sharing.fleet
    const tab = sharing.tab('a')
    await clock.advance(500)
    const { isHubMessage, isTabMessage } = await import('../../../src/client/share/messages.ts')
    for (const message of [
      null,
      1,
      'join',
      {},
      { type: 'join' },
      { type: 'items', session: 1, items: [{}] },
    ]) {
      expect([isHubMessage(message), isTabMessage(message)]).toEqual([false, false])
    }
    expect(isTabMessage({ type: 'constructor' })).toBe(false)
    sharing.send('a')
    await clock.advance(100)
    expectExact(sharing, tab)
  })
})
