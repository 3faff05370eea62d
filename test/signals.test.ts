import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StopSignals } from '../src/signals.ts'

class Source extends EventEmitter {
  readonly exit = vi.fn()
}

describe('StopSignals', () => {
  let source: Source
  const stop = vi.fn()

  beforeEach(() => {
    vi.useFakeTimers()
    vi.spyOn(console, 'error').mockImplementation(() => {})
    stop.mockClear()
    source = new Source()
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  test('takes two SIGINT within 100 ms for one key press', () => {
    StopSignals.listen(source, stop)
    source.emit('SIGINT')
    vi.advanceTimersByTime(99)
    source.emit('SIGINT')
    expect(source.exit).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    source.emit('SIGINT')
    expect(source.exit).toHaveBeenCalledExactlyOnceWith(130)
    expect(console.error).toHaveBeenCalledOnce()
  })

  test('never ends the process on SIGTERM', () => {
    StopSignals.listen(source, stop)
    source.emit('SIGTERM')
    vi.advanceTimersByTime(10_000)
    source.emit('SIGTERM')
    expect(stop).toHaveBeenCalled()
    expect(source.exit).not.toHaveBeenCalled()
  })

  test('keeps listening after a stop that a signal began', () => {
    const signals = StopSignals.listen(source, stop)
    source.emit('SIGTERM')
    signals.release()
    expect(source.listenerCount('SIGTERM')).toBe(1)
  })

  test('leaves no listener behind after a stop that the app began', () => {
    const signals = StopSignals.listen(source, stop)
    signals.release()
    expect(source.eventNames()).toEqual([])
  })
})
