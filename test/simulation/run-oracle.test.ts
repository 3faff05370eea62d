import { describe, expect, it } from 'vitest'
import type { ProducedRun } from './run-facts.ts'
import { chunk, chunks, ENDED, gap, History, LOST } from './run-history.ts'

describe('the oracle of runs accepts', () => {
  it('a reader that gets every chunk and the end', () => {
    const history = new History()
    history.run('1', { call: 'end' })
    history.read([...chunks('1', 0, 3), ENDED])
    expect(history.violations).toEqual([])
  })

  it('a reader that goes on with another Pod, and learns that the producer is silent', () => {
    const history = new History()
    history.run('1', { call: 'fail' })
    const reading = history.move(history.read(chunks('1', 0, 2)))
    history.read(
      [
        { type: 'interrupted' },
        { type: 'resumed' },
        chunk('1', 2),
        { type: 'end', state: 'failed', reason: 'no luck' },
      ],
      reading,
    )
    expect(history.violations).toEqual([])
    expect(history.oracle.counts).toMatchObject({ chunks: 3, interruptions: 1, gaps: 0 })
  })

  it('a gap in the place of chunks that were evicted', () => {
    const history = new History({ mayEvict: true })
    history.run('1', { chunks: 9, call: 'end' })
    history.read([gap(4), ...chunks('1', 4, 9), ENDED])
    expect(history.violations).toEqual([])
  })

  it('a gap before the winner of two runs', () => {
    const history = new History()
    const loser = history.run('2')
    history.run('1', { call: 'end' })
    history.oracle.aborted(loser, 'superseded')
    history.read([...chunks('2', 0, 2), gap(0), ...chunks('1', 0, 3), ENDED])
    expect(history.violations).toEqual([])
    expect(history.oracle.counts.changes).toBe(1)
  })

  it('a run anew from its start after a gap for another one that gave way to it', () => {
    const history = new History()
    history.run('1', { call: 'end' })
    history.oracle.aborted(history.run('2'), 'superseded')
    history.read([...chunks('1', 0, 2), gap(0), gap(0), ...chunks('1', 0, 3), ENDED])
    expect(history.violations).toEqual([])
  })

  it('a run anew after a gap for one that had started before it, and gave way later', () => {
    const history = new History()
    const other = history.run('2')
    history.now = 4
    history.run('1', { call: 'fail' })
    history.now = 5
    history.oracle.aborted(other, 'superseded')
    history.read([
      chunk('1', 0),
      gap(0),
      gap(0),
      ...chunks('1', 0, 3),
      { type: 'end', state: 'failed', reason: 'no luck' },
    ])
    expect(history.violations).toEqual([])
  })

  it('an older run in place of a newer one whose Pod had not heard of it', () => {
    const history = new History()
    history.run('1', { call: 'end' })
    history.now = 4
    history.run('2')
    history.read([chunk('2', 0), gap(0), ...chunks('1', 0, 3), ENDED])
    expect(history.violations).toEqual([])
  })

  it('the end of a cancelled run', () => {
    const history = new History()
    const run = history.run('1')
    history.oracle.cancelRequested('a')
    history.oracle.aborted(run, 'cancelled')
    history.oracle.cancelled('1', 'cancelled')
    history.oracle.called(run, 'end')
    history.read([...chunks('1', 0, 3), { type: 'end', state: 'cancelled' }])
    expect(history.violations).toEqual([])
  })

  it('lost after the crash of the producer, and for others the end that it had before', () => {
    const history = new History()
    const run = history.run('1', { call: 'end' })
    history.oracle.died(run)
    history.read([...chunks('1', 0, 1), LOST])
    history.read([...chunks('1', 0, 3), ENDED])
    expect(history.violations).toEqual([])
  })
})

describe('the oracle of runs reports', () => {
  const broken: [string, RegExp, (history: History) => void][] = [
    ['a chunk that comes twice', /again/, (history) => history.read([chunk('1', 0), chunk('1', 0)])],
    [
      'a chunk before the last one',
      /again, or after/,
      (history) => history.read([...chunks('1', 0, 3), chunk('1', 1)]),
    ],
    [
      'a chunk that comes again on another Pod',
      /again/,
      (history) => history.read(chunks('1', 1, 2), history.move(history.read(chunks('1', 0, 2)))),
    ],
    [
      'a run anew from its start where no other one was started',
      /again/,
      (history) => history.read([...chunks('1', 0, 2), gap(0), ...chunks('1', 0, 3)]),
    ],
    ['a chunk left out', /without a gap/, (history) => history.read([chunk('1', 0), chunk('1', 2)])],
    ['a start that is left out', /without a gap/, (history) => history.read([chunk('1', 1)])],
    [
      'a chunk left out on another Pod, after the gap on the first',
      /chunk 2 of 1 after a gap up to 1/,
      (history) => history.read([chunk('1', 2)], history.move(history.read([chunk('1', 0), gap(1)]))),
    ],
    [
      'a gap in place of a chunk that the producer has',
      /lost chunks 0 to 0/,
      (history) => history.read([gap(1), chunk('1', 1)]),
    ],
    [
      'another run without a gap',
      /from 1 to 2 without a gap/,
      (history) => {
        history.run('2')
        history.read([chunk('1', 0), chunk('2', 0)])
      },
    ],
    [
      'a chunk of another name',
      /of b/,
      (history) => {
        history.run('2', { name: 'b' })
        history.read([chunk('2', 0)])
      },
    ],
    [
      'a text that no producer wrote',
      /no producer wrote/,
      (history) => history.read([{ type: 'chunk', id: '0.1', index: 0, text: '1/7' }]),
    ],
    [
      'an index that is not the chunk’s',
      /as chunk 5/,
      (history) => history.read([{ type: 'chunk', id: '5.1', index: 5, text: '1/0' }]),
    ],
    [
      'two chunks with one id',
      /have the id/,
      (history) => {
        history.read([
          { type: 'chunk', id: 'x', index: 0, text: '1/0' },
          { type: 'chunk', id: 'x', index: 1, text: '1/1' },
        ])
      },
    ],
    [
      'two interruptions',
      /twice/,
      (history) => history.read([{ type: 'interrupted' }, { type: 'interrupted' }]),
    ],
    [
      'an item after the end',
      /after the end/,
      (history) => {
        history.isCalm = false
        history.read([...chunks('1', 0, 3), LOST, LOST])
      },
    ],
    [
      'the end before the last chunk',
      /did not come/,
      (history) => {
        history.run('2', { name: 'b', call: 'end' })
        history.read([...chunks('2', 0, 2), ENDED], history.reading('b'))
      },
    ],
    [
      'an end that the application did not call',
      /was not ended/,
      (history) => history.read([...chunks('1', 0, 3), ENDED]),
    ],
    [
      'a failure that did not happen',
      /did not fail/,
      (history) => history.read([...chunks('1', 0, 3), { type: 'end', state: 'failed' }]),
    ],
    [
      'two different ends',
      /another reader/,
      (history) => {
        history.run('2', { name: 'b', call: 'fail' })
        for (const reason of ['no luck', 'bad luck'])
          history.read([...chunks('2', 0, 3), { type: 'end', state: 'failed', reason }], history.reading('b'))
      },
    ],
    ['lost, although the producer is in reach', /lives/, (history) => history.read([LOST])],
    [
      'a cancellation that was not asked for',
      /without a request/,
      (history) => history.oracle.aborted(history.oracle.runs[0] as ProducedRun, 'cancelled'),
    ],
    [
      'a receipt of a cancellation whose signal has not aborted',
      /has not aborted/,
      (history) => {
        history.oracle.cancelRequested('a')
        history.oracle.cancelled('1', 'cancelled')
      },
    ],
    [
      'a receipt that says of a run that it has ended, although it runs',
      /does not run/,
      (history) => history.oracle.cancelled('1', 'not-running'),
    ],
    [
      'a newer run, thrown back to the one before it',
      /thrown back from 2 to 1/,
      (history) => {
        history.oracle.called(history.oracle.runs[0] as ProducedRun, 'end')
        history.now = 10_000
        history.run('2')
        history.read([chunk('2', 0), gap(0), chunk('1', 0)])
      },
    ],
    ['two runs with one id', /two runs/, (history) => history.run('1')],
  ]

  it.each(broken)('%s', (_, expected, happen) => {
    const history = new History()
    history.run('1')
    happen(history)
    expect(history.violations[0]).toMatch(expected)
    expect(history.violations).toHaveLength(1)
  })
})
