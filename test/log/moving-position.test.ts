import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Epochs } from '../../src/log/epochs.ts'
import { EventIds } from '../../src/log/event-ids.ts'
import { formatPosition } from '../../src/wire/position.ts'
import { check } from '../support/property.ts'

const epochs = ['aaaaa', 'bbbbb', 'ccccc', 'ddddd']
const moves = fc.array(fc.tuple(fc.constantFrom(...epochs), fc.nat(2_000_000_000)), { minLength: 1 })

function newIds(maxBytes?: number): EventIds {
  return new EventIds(new Epochs({ forgetMs: 1_000, dropMs: 2_000 } as never), maxBytes)
}

it('a moving position gives each event the id that its whole position has', () => {
  check(moves, (all) => {
    const position = new Map<string, number>([['bbbbb', 7]])
    const moving = newIds().moving(new Map(position))
    for (const [epoch, seq] of all) {
      position.set(epoch, seq)
      moving.move(epoch, seq)
      expect(moving.formatEvent()).toBe(formatPosition(position, undefined, undefined, undefined, epoch))
      expect(moving.format()).toBe(formatPosition(position))
    }
  })
})

it('a moving position that is too long for an id gives partial ids', () => {
  const position = new Map(epochs.map((epoch) => [epoch, 1_000]))
  const moving = newIds(24).moving(position)
  for (const epoch of epochs) {
    moving.move(epoch, 1_001)
    expect(moving.formatEvent().length).toBeLessThanOrEqual(24)
  }
})

it('the id of one event is that of a position with its entry alone', () => {
  const ids = newIds()
  check(moves, (all) => {
    for (const [epoch, seq] of all) expect(ids.formatEvent(epoch, seq)).toBe(formatPosition([[epoch, seq]]))
  })
})
