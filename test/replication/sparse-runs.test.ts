import { describe, expect, it } from 'vitest'
import type { EntryRange } from '../../src/wire/append-message.ts'
import { Side } from './side.ts'

describe('a run after evicted events', () => {
  it('says floor above all evicted events to a peer that takes no sparse runs', () => {
    const pod = new Side('own00', 10_000)
    for (let i = 0; i < 12; i += 1) pod.send('m'.repeat(1_000))
    const [given] = pod.give({}).runs
    expect(given).toMatchObject({ prev: pod.log.epochs.get('own00')?.evictedSeq, floor: true })
    expect(given).not.toHaveProperty('evicted')
    expect(given?.events.every(({ msg }) => msg?.length === 1_000)).toBe(true)
  })

  it('names the streams of evicted events, and leaves the events out, to a peer that takes sparse runs', () => {
    const pod = new Side('own00', 10_000)
    pod.log.append('own00', { stream: 'quiet', msg: 'q' }, 0, 0)
    for (let i = 0; i < 12; i += 1) pod.send('m'.repeat(1_000), 40)
    pod.log.append('own00', { stream: 'quiet', msg: 'r' }, 50, 50)
    const evictedSeq = pod.log.epochs.get('own00')?.evictedSeq as number
    const [given] = pod.give({}, 60, { isSparse: true }).runs
    expect(given).toMatchObject({ prev: 0, to: 14, evicted: [{ stream: 'a', seq: evictedSeq, age: 20 }] })
    expect(given?.floor).toBeUndefined()
    expect(given?.events.map(({ seq }) => seq)).toEqual([
      1,
      ...Array.from({ length: 14 - evictedSeq }, (_, i) => evictedSeq + 1 + i),
    ])
    const peer = new Side('peer2')
    peer.take([given as EntryRange], 60)
    expect(peer.log.position(60).get('own00')).toBe(14)
    const { have, floor, streamFloors } = peer.log.epochs.get('own00') ?? {}
    expect({ have, floor }).toEqual({ have: 14, floor: 0 })
    expect([...(streamFloors ?? [])].map(([stream, { seq }]) => [stream, seq])).toEqual([['a', evictedSeq]])
    // One more hop: the peer says the same to a third Pod.
    const [passedOn] = peer.give({}, 70, { isSparse: true, third: true }).runs
    expect(passedOn).toMatchObject({ prev: 0, to: 14, evicted: [{ stream: 'a', seq: evictedSeq, age: 30 }] })
    expect(passedOn?.events.map(({ seq }) => seq)).toEqual(given?.events.map(({ seq }) => seq))
  })

  it('ends a run that leaves events out where the message is full', () => {
    const pod = new Side('own00', 4_000_000)
    pod.log.append('own00', { stream: 'quiet', msg: 'q' }, 0, 0)
    for (let i = 0; i < 60; i += 1) pod.send('m'.repeat(100_000))
    const peer = new Side('peer2', 8_000_000)
    let position: Record<string, number> = {}
    let messages = 0
    while ((position.own00 ?? 0) < 61) {
      const { runs } = pod.give(position, 0, { isSparse: true })
      peer.take(runs)
      position = Object.fromEntries(peer.log.position(0))
      messages += 1
    }
    expect(messages).toBeGreaterThan(2)
    expect(peer.messages).toEqual(pod.messages)
  })
})
