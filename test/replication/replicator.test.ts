import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PeerProgress } from '../../src/replication/peer-progress.ts'
import type { EntryRange, WireEvent } from '../../src/wire/append-message.ts'
import { check } from '../support/property.ts'
import { AGE_MS, run, Side, TIMES } from './side.ts'

describe('applyRanges()', () => {
  it('appends an unknown epoch from its first event', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1', '2'])])
    expect(pod.messages).toEqual(['1', '2'])
    expect(pod.log.position(0).get('peer1')).toBe(2)
  })

  it('appends a run that continues the log, and ignores any other', () => {
    const pod = new Side('own00')
    pod.take([run(2, ['3'])])
    expect(pod.messages).toEqual([])
    expect(pod.log.epochs.get('peer1')).toBeUndefined()
    pod.take([run(0, ['1'])])
    pod.take([run(2, ['3'])])
    expect(pod.messages).toEqual(['1'])
    expect(pod.log.epochs.get('peer1')?.have).toBe(1)
  })

  it('skips entries that the log holds already, whatever way they came', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1', '2'])])
    pod.take([run(0, ['1', '2'])])
    pod.take([run(1, ['2', '3'])])
    pod.take([run(0, ['1'])])
    expect(pod.messages).toEqual(['1', '2', '3'])
    expect(pod.errors).toEqual([])
  })

  it('ignores runs of its own epoch', () => {
    const pod = new Side('own00')
    pod.send('mine')
    pod.take([run(1, ['forged'], { epoch: 'own00' })])
    expect(pod.messages).toEqual(['mine'])
  })

  it('skips ahead only where the sender says floor, and leaves a hole there', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1'])])
    pod.take([run(5, ['6'], { floor: true })])
    expect(pod.messages).toEqual(['1', 'hole', '6'])
    expect(pod.entries[1]).toMatchObject({ epoch: 'peer1', from: 1, seq: 5 })
    expect(pod.log.epochs.get('peer1')).toMatchObject({ have: 6, floor: 5 })
  })

  it('does not skip entries that the log holds, floor or not', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1', '2', '3'])])
    pod.take([run(1, ['2', '3', '4'], { floor: true })])
    expect(pod.messages).toEqual(['1', '2', '3', '4'])
  })

  it('never fills a hole later', () => {
    const pod = new Side('own00')
    pod.take([run(5, ['6'], { floor: true })])
    pod.take([run(0, ['1', '2', '3', '4', '5', '6', '7'])])
    expect(pod.messages).toEqual(['hole', '6', '7'])
  })

  it('skips ahead in an epoch without any entry left', () => {
    const pod = new Side('own00')
    pod.take([run(5, [], { floor: true })])
    expect(pod.messages).toEqual(['hole'])
    expect(pod.log.position(0).get('peer1')).toBe(5)
  })

  it('dates an entry back by its age, and its epoch by its idle time', () => {
    const pod = new Side('own00')
    pod.take([run(0, [], { events: [{ seq: 1, age: 700, stream: 'a', msg: 'x' }], idle: 300 })], 5_000)
    expect(pod.entries[0]?.sentAt).toBe(4_300)
    expect(pod.log.epochs.get('peer1')?.lastActive).toBe(4_700)
  })

  it('ignores an epoch that is idle for too long', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1'], { idle: TIMES.forgetMs })], 1e9)
    expect(pod.messages).toEqual([])
    pod.take([run(0, ['1'], { idle: TIMES.forgetMs - 1 })], 1e9)
    expect(pod.messages).toEqual(['1'])
  })

  it('makes an epoch active before its entry is delivered', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1'])], 0)
    const later = TIMES.forgetMs + 5
    const active: boolean[] = []
    pod.log.onAppend(() => active.push(pod.log.position(later).has('peer1')))
    pod.take([run(1, ['2'])], later)
    expect(active).toEqual([true])
  })

  it('keeps the first of two events with one seq, and reports the conflict', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1', '2'])])
    pod.take([run(1, ['other', '3'])])
    expect(pod.messages).toEqual(['1', '2'])
    expect(pod.errors).toMatchObject([{ code: 'conflicting-event' }])
  })

  it('passes a header of a run on, and reports one that differs', () => {
    const [pod, third] = [new Side('own00'), new Side('third')]
    const header = (start: string) => run(0, [], { events: [{ seq: 1, age: 0, run: { start } }] })
    pod.take([header('chat')])
    third.take(pod.give({}, 0, { third: true }).runs)
    expect(third.entries).toMatchObject([{ kind: 'run', epoch: 'peer1', seq: 1, run: { start: 'chat' } }])
    third.take([header('chat'), run(0, [], { events: [{ seq: 1, age: 0 }] })])
    expect(third.errors).toEqual([])
    third.take([header('other')])
    third.take([run(0, ['an event'])])
    expect(third.errors).toMatchObject([{ code: 'conflicting-event' }, { code: 'conflicting-event' }])
    expect(third.messages).toEqual(['run'])
  })

  it('reports no conflict where another Pod has passed a header of a run on as a no-op entry', () => {
    const pod = new Side('own00')
    pod.take([run(0, [], { events: [{ seq: 1, age: 0 }] })])
    pod.take([run(0, [], { events: [{ seq: 1, age: 0, run: { start: 'chat' } }] })])
    expect([pod.messages, pod.errors]).toEqual([['no-op'], []])
  })

  it('reports no conflict where another Pod dropped the traceparent', () => {
    const pod = new Side('own00')
    const [event] = run(0, ['1']).events
    const traced = { ...event, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
    pod.take([run(0, ['1']), run(0, [], { events: [traced as WireEvent] })])
    expect([pod.messages, pod.errors]).toEqual([['1'], []])
  })
})

describe('buildAppend()', () => {
  it('sends own events above the peer’s position at once', () => {
    const pod = new Side('own00')
    for (const msg of ['1', '2', '3']) pod.send(msg)
    const { runs, position, epoch } = pod.give({ own00: 1 }, 40)
    expect(epoch).toBe('own00')
    expect(position).toEqual(new Map([['own00', 3]]))
    expect(runs).toEqual([
      {
        epoch: 'own00',
        prev: 1,
        idle: 40,
        events: [
          { seq: 2, age: 40, stream: 'a', msg: '2' },
          { seq: 3, age: 40, stream: 'a', msg: '3' },
        ],
      },
    ])
    expect(pod.give({ own00: 3 }).runs).toEqual([])
    expect(pod.give({}, 0, { own: false }).runs).toEqual([])
  })

  it('takes acknowledgements of the epochs that this Pod knows, so that no peer fills its memory with others', () => {
    const pod = new Side('own00')
    pod.send('mine')
    pod.take([run(0, ['1'])])
    const peer = new PeerProgress('other', 0)
    peer.acknowledge(new Map(Object.entries({ own00: 1, peer1: 1, unkno: 1 })), pod.log.epochs, 0)
    expect(['own00', 'peer1', 'unkno'].map((epoch) => peer.match(epoch))).toEqual([1, 1, 0])
  })

  it('sends a third Pod’s events once the peer lacked them for longer than the grace', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1', '2'])])
    const peer = new PeerProgress('other', 0)
    const give = (now: number) => pod.replicator.buildAppend(peer, { own: true, third: false }, now).runs
    peer.observe(new Map(), pod.log.position(0), 0)
    expect(give(TIMES.graceMs)).toEqual([])
    expect(give(TIMES.graceMs + 1)).toMatchObject([{ epoch: 'peer1', prev: 0, events: [{}, {}] }])
    peer.observe(new Map([['peer1', 2]]), pod.log.position(0), 5)
    expect(give(TIMES.graceMs + 2)).toEqual([])
  })

  it('sends a new Pod a third Pod’s events at once, and never the peer’s own', () => {
    const pod = new Side('own00')
    pod.take([run(0, ['1'])])
    pod.take([run(0, ['mine'], { epoch: 'other' })])
    expect(pod.give({}, 0, { third: true }).runs).toMatchObject([{ epoch: 'peer1' }])
  })

  it('sends a third Pod’s events at once, with floor, where the log does not reach back', () => {
    const pod = new Side('own00')
    pod.take([run(5, ['6'], { floor: true })])
    expect(pod.give({}).runs).toMatchObject([{ epoch: 'peer1', prev: 5, floor: true, events: [{ seq: 6 }] }])
    expect(pod.give({ peer1: 5 }).runs).toEqual([])
  })

  it('sends no entry older than the age bound, and says floor', () => {
    const pod = new Side('own00')
    pod.send('old', 0)
    pod.send('young', 500)
    const [given] = pod.give({}, AGE_MS + 1).runs
    expect(given).toMatchObject({ prev: 1, floor: true, events: [{ seq: 2, msg: 'young' }] })
    const [last] = pod.give({}, AGE_MS + 501).runs
    expect(last).toMatchObject({ prev: 2, floor: true, events: [] })
  })

  it('sends no entry older than the age bound, even behind a younger one', () => {
    const pod = new Side('own00')
    pod.send('young', 500)
    pod.take([run(0, [], { events: [{ seq: 1, age: 500, stream: 'a', msg: 'old' }] })], 500)
    const { runs } = pod.give({ own00: 1 }, AGE_MS + 1, { third: true })
    expect(runs).toMatchObject([{ epoch: 'peer1', prev: 1, floor: true, events: [] }])
    expect(pod.messages).toEqual(['young', 'old'])
  })

  it('sends nothing of an epoch that is idle for too long', () => {
    const pod = new Side('own00')
    const idle = TIMES.forgetMs - 10
    pod.take([run(0, [], { idle, events: [{ seq: 1, age: idle }] })], 0)
    expect(pod.give({}, 9, { third: true }).runs).toHaveLength(1)
    expect(pod.give({}, 10, { third: true }).runs).toEqual([])
  })
})

describe('Pods that replicate over a bad network', () => {
  it('end up with every event, once, in the order of each epoch', () => {
    const names = ['podA0', 'podB0', 'podC0']
    const step = fc.record({ from: fc.nat({ max: 2 }), to: fc.nat({ max: 2 }), fate: fc.nat({ max: 5 }) })
    check(
      fc.array(step, { maxLength: 80 }),
      (steps) => {
        const pods = names.map((name) => new Side(name))
        const seen = names.map((): string[] => [])
        const late: { to: number; runs: readonly EntryRange[] }[] = []
        const take = (to: number, runs: readonly EntryRange[]) => pods[to]?.take(runs)
        steps.forEach(({ from, to, fate }, i) => {
          const [sender, receiver] = [pods[from] as Side, pods[to] as Side]
          if (fate < 3) {
            sender.send(`${i}`)
            seen[from]?.push(`${i}`)
          }
          if (from === to) return
          const { runs } = sender.give(Object.fromEntries(receiver.log.position(0)), 0, { third: true })
          if (fate === 3) return
          if (fate === 4) late.push({ to, runs })
          else take(to, runs)
          if (fate === 5) take(to, runs)
        })
        for (const { to, runs } of late.reverse()) take(to, runs)
        for (let i = 0; i < 3; i += 1)
          for (const [from, to] of [
            [0, 1],
            [1, 2],
            [2, 0],
          ] as const)
            take(
              to,
              pods[from]?.give(Object.fromEntries(pods[to]?.log.position(0) ?? []), 0, { third: true })
                .runs ?? [],
            )
        for (const pod of pods)
          names.forEach((name, n) => {
            const held = pod.entries.filter((entry) => entry?.epoch === name)
            expect(held.map((entry) => entry?.kind === 'event' && entry.msg)).toEqual(seen[n])
            expect(held.map((entry) => entry?.seq)).toEqual(held.map((_, i) => i + 1))
          })
      },
      { numRuns: 200 },
    )
  })
})
