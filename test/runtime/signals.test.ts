import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StopSignals } from '../../src/runtime/signals.ts'

class Source extends EventEmitter {
  readonly exit = vi.fn()
}

describe('StopSignals', () => {
  let source: Source
  const stop = vi.fn()

  const open: StopSignals[] = []
  const listen = () => {
    const signals = StopSignals.listen(source, stop)
    open.push(signals)
    return signals
  }

  beforeEach(() => {
    vi.useFakeTimers()
    vi.spyOn(console, 'error').mockImplementation(() => {})
    stop.mockClear()
    source = new Source()
  })
  afterEach(() => {
    for (const signals of open.splice(0)) signals.release()
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  test.each([
    ['SIGINT', 'SIGINT', 100, 130],
    ['SIGTERM', 'SIGTERM', 1_000, 143],
    ['SIGTERM', 'SIGINT', 100, 130],
    ['SIGINT', 'SIGTERM', 1_000, 143],
  ])('stops at %s, and ends the process at a %s that comes %i ms later', (first, second, ms, code) => {
    listen()
    source.emit(first)
    vi.advanceTimersByTime(ms - 1)
    source.emit(second)
    expect(source.exit).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    source.emit(second)
    expect(source.exit).toHaveBeenCalledExactlyOnceWith(code)
    expect(console.error).toHaveBeenCalledExactlyOnceWith(
      `sser: a second signal, ${second}: the process ends at once, without waiting any longer`,
    )
    expect(stop).toHaveBeenCalledExactlyOnceWith(first)
  })

  test('keeps listening after a stop that a signal began', () => {
    const signals = listen()
    source.emit('SIGTERM')
    signals.release()
    expect(source.listenerCount('SIGTERM')).toBe(1)
  })

  test('ends the process 5 s after a stop that a signal began, if something keeps it alive', () => {
    const signals = listen()
    source.emit('SIGTERM')
    signals.release()
    vi.advanceTimersByTime(4_999)
    expect(source.exit).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(source.exit).toHaveBeenCalledExactlyOnceWith(0)
    expect(console.error).toHaveBeenCalledOnce()
  })

  test('waits for the last of several servers before it ends the process', () => {
    const [first, second] = [listen(), listen()]
    source.emit('SIGTERM')
    first.release()
    vi.advanceTimersByTime(30_000)
    expect(source.exit).not.toHaveBeenCalled()
    second.release()
    vi.advanceTimersByTime(5_000)
    expect(source.exit).toHaveBeenCalledOnce()
  })

  test('leaves the end of the process to an app with a listener of its own', () => {
    const signals = listen()
    source.once('SIGTERM', () => {})
    source.emit('SIGTERM')
    signals.release()
    vi.advanceTimersByTime(60_000)
    expect(source.exit).not.toHaveBeenCalled()
  })

  test('leaves no listener behind after a stop that the app began', () => {
    const signals = listen()
    signals.release()
    expect(source.eventNames()).toEqual([])
  })
})
