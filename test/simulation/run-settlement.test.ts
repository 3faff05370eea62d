import { describe, expect, it } from 'vitest'
import { chunks, ENDED, gap, History, LOST } from './run-history.ts'
import { checkFreshReadings, checkOpenReading } from './run-settlement.ts'

describe('the checks of runs after all faults report', () => {
  it('a reader that lacks a chunk of a producer in reach', () => {
    const history = new History()
    history.run('1')
    checkOpenReading(history.read(chunks('1', 0, 2)), history.settlement)
    expect(history.violations[0]).toMatch(/not all 3/)
  })

  it('a reader that waits for a run that has ended, or whose producer is dead', () => {
    const history = new History()
    const run = history.run('1')
    history.oracle.died(run)
    checkOpenReading(history.read(chunks('1', 0, 3)), history.settlement)
    expect(history.violations[0]).toMatch(/not told the end/)
  })

  it('Pods that read different runs under one name, or different parts of one', () => {
    const history = new History()
    history.run('1', { call: 'end' })
    const readings = [history.read([...chunks('1', 0, 3), ENDED]), history.read(chunks('1', 0, 2))]
    checkFreshReadings(readings, history.settlement)
    expect(history.violations[0]).toMatch(/on different Pods/)
  })

  it('two runs that run under one name', () => {
    const history = new History()
    history.run('1')
    history.run('2')
    checkFreshReadings([history.read(chunks('1', 0, 3))], history.settlement)
    expect(history.violations[0]).toMatch(/1 and 2 run as a/)
  })

  it('a run that is left unread for an older one', () => {
    const history = new History()
    history.run('1', { call: 'end' })
    history.run('2')
    checkFreshReadings([history.read([...chunks('1', 0, 3), ENDED])], history.settlement)
    expect(history.violations[0]).toMatch(/not 2, which runs/)
  })

  it('a chunk that another Pod held, and that was lost with the producer', () => {
    const history = new History()
    const run = history.run('1')
    history.oracle.flushed(run, { next: 3, pods: 1, at: 0 })
    history.now = 10
    history.oracle.died(run)
    history.losses.push({ address: 'pod0', at: 10, isHandedOver: false })
    const readings = [history.read([...chunks('1', 0, 2), LOST])]
    checkFreshReadings(readings, history.settlement)
    expect(history.violations[0]).toMatch(/1 Pods held it up to 3/)
    history.violations.length = 0
    history.losses.push({ address: 'pod1', at: 11, isHandedOver: false })
    checkFreshReadings(readings, history.settlement)
    expect(history.violations).toEqual([])
  })

  it('a chunk that was lost although each Pod that had it has handed it over', () => {
    const history = new History()
    const run = history.run('1', { call: 'end' })
    history.now = 10
    history.oracle.died(run)
    history.oracle.handedOver('pod0')
    for (const [address, at] of [
      ['pod0', 10],
      ['pod1', 20],
    ] as const)
      history.losses.push({ address, at, isHandedOver: true })
    checkFreshReadings([history.read([gap(3), ENDED])], history.settlement)
    expect(history.violations[0]).toMatch(/lost chunks 0 to 2 of 1, which were handed over/)
    expect(history.violations[1]).toMatch(/chunks up to 0 left/)
    history.violations.length = 0
    history.losses.push({ address: 'pod0', at: 30, isHandedOver: false })
    checkFreshReadings([history.read([gap(3), ENDED])], history.settlement)
    expect(history.violations).toEqual([])
  })

  it('no loss of an ended run whose Pod began another incarnation', () => {
    const history = new History()
    const run = history.run('1', { call: 'end' })
    history.read([gap(3), ENDED])
    expect(history.violations[0]).toMatch(/which its producer has/)
    history.violations.length = 0
    run.isForgotten = true
    history.read([gap(3), ENDED])
    expect(history.violations).toEqual([])
  })

  it('the end lost of a run that was handed over', () => {
    const history = new History()
    history.oracle.died(history.run('1', { call: 'end' }))
    history.oracle.handedOver('pod0')
    history.read([...chunks('1', 0, 3), LOST])
    expect(history.violations[0]).toMatch(/the Pod of 1 has handed it over/)
  })

  it('no chunk that was handed over to its producer, which crashed after that', () => {
    const history = new History()
    const run = history.run('1', { call: 'end' })
    history.oracle.flushed(run, { next: 3, pods: 1, at: 0 })
    history.losses.push({ address: 'pod1', at: 10, isHandedOver: true })
    history.now = 20
    history.oracle.died(run)
    history.losses.push({ address: 'pod0', at: 20, isHandedOver: false })
    checkFreshReadings([history.read([gap(3), ENDED])], history.settlement)
    expect(history.violations).toEqual([])
  })

  it('different runs on two Pods, unless the Pod of one died right after its start', () => {
    const history = new History()
    history.run('1', { call: 'end' })
    const other = history.run('2', { call: 'end' })
    const readings = ['1', '2'].map((id) => history.read([...chunks(id, 0, 3), ENDED]))
    checkFreshReadings(readings, history.settlement)
    expect(history.violations[0]).toMatch(/different Pods read 1 to 3, ended; 2 to 3, ended/)
    history.violations.length = 0
    history.now = 1_000
    history.oracle.died(other)
    checkFreshReadings(readings, history.settlement)
    expect(history.violations).toEqual([])
  })

  it('no reader without a chunk that waits for a verdict that another Pod has given, if each run of the name is dead', () => {
    const history = new History()
    const run = history.run('1')
    history.now = 10_000
    history.oracle.died(run)
    const other = history.run('2')
    history.now = 20_000
    const readings = [history.read([LOST]), history.read([])]
    checkFreshReadings(readings, history.settlement)
    expect(history.violations[0]).toMatch(/undefined to 0, lost; undefined to 0, no end/)
    history.violations.length = 0
    history.oracle.died(other)
    checkFreshReadings(readings, history.settlement)
    expect(history.violations).toEqual([])
  })

  it('a run that is read although another one has replaced it', () => {
    const history = new History()
    history.run('2', { call: 'end' })
    history.now = 10_000
    history.run('1', { call: 'end' })
    const readings = [history.read([...chunks('2', 0, 3), ENDED])]
    checkFreshReadings(readings, history.settlement)
    expect(history.violations[0]).toMatch(/read 2, and not 1, which replaces it/)
  })
})
