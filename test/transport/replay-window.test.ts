import { describe, expect, it } from 'vitest'
import { ReplayWindow } from '../../src/transport/replay-window.ts'

describe('a sender in the replay window', () => {
  it('is forgotten after forgetMs without a request, and not before', () => {
    const replayWindow = new ReplayWindow(60_000)
    for (let at = 0; at <= 200_000; at += 1_000) replayWindow.accept(`sender ${at}`, 1, at)
    expect(replayWindow.size).toBe(61)
    expect(replayWindow.accept('sender 140000', 1, 200_000)).toBe(false)
    expect(replayWindow.accept('sender 139000', 1, 200_000)).toBe(true)
  })

  it('is remembered while it sends requests, however old its first one is', () => {
    const replayWindow = new ReplayWindow(60_000)
    for (let number = 1; number <= 200; number += 1) {
      expect(replayWindow.accept('long known', number, number * 1_000)).toBe(true)
      replayWindow.accept(`sender ${number}`, 1, number * 1_000)
    }
    expect(replayWindow.accept('long known', 200, 200_000)).toBe(false)
    expect(replayWindow.accept('long known', 1, 200_000)).toBe(false)
  })
})
