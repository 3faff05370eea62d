import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SserError } from '../../src/errors.ts'
import { LocalhostPeerFinder, Sser, type SserLogger } from '../../src/index.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import { Logging } from '../../src/telemetry/logging.ts'
import { APPEND_URL_PATH } from '../../src/wire/append-message.ts'
import { VirtualClock } from '../support/clock.ts'
import { Fleet, refused } from '../support/fleet.ts'

const MINUTE_MS = 60_000
/** `console` and `pino` are valid loggers; the test includes that this compiles. */
const FITTING: readonly SserLogger[] = [console, pino({ enabled: false })]

class Lines implements SserLogger {
  readonly all: string[] = []
  readonly warned: string[] = []

  info(message: string): void {
    this.all.push(message)
  }

  warn(message: string): void {
    this.all.push(message)
    this.warned.push(message)
  }
}

/** The lines that were written to it. */
class Sink extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

function withLines() {
  const lines = new Lines()
  const clock = new VirtualClock()
  const logging = new Logging(lines, clock)
  return { lines, clock, logging, errors: new ErrorReporter(undefined, logging) }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a logger', () => {
  it('can be console: one line per message', () => {
    const [out, err] = [new Sink(), new Sink()]
    const logging = new Logging(new Console(out, err) as typeof console, new VirtualClock())
    logging.info('is ready at 100 %s %d %')
    logging.warn('peer a is lost')
    expect(out.text).toBe('sser: is ready at 100 %s %d %\n')
    expect(err.text).toBe('sser: peer a is lost\n')
  })

  it('can be pino: one object per line, with level and message', () => {
    const out = new Sink()
    const logging = new Logging(pino({ base: null, timestamp: false }, out), new VirtualClock())
    logging.info('is ready at 100 %s %d %')
    logging.warn('peer a is lost')
    expect(
      out.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { level: 30, msg: 'sser: is ready at 100 %s %d %' },
      { level: 40, msg: 'sser: peer a is lost' },
    ])
  })

  it('is an option that accepts both', () => {
    for (const logger of FITTING) {
      expect(() => new Sser({ peerFinder: new LocalhostPeerFinder(), logger })).not.toThrow()
    }
  })

  it('defaults to warnings and notices on the console; false disables it', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const info = vi.spyOn(console, 'info').mockReturnValue()
    for (const logger of [undefined, false] as const) {
      const logging = new Logging(logger, new VirtualClock())
      logging.info('is ready')
      logging.notice('stops')
      logging.warn('peer a is lost')
    }
    expect(warn.mock.calls).toEqual([['sser: peer a is lost']])
    expect(info.mock.calls).toEqual([['sser: stops']])
  })

  it('does no harm when it throws', () => {
    const broken = () => {
      throw new Error('disk full')
    }
    const logging = new Logging({ info: broken, warn: broken }, new VirtualClock())
    expect(() => logging.warn('x')).not.toThrow()
  })
})

describe('a log line', () => {
  it('stays one line within the length limit, whatever names and errors contain', () => {
    const { lines, errors } = withLines()
    errors.report(new Error('a\r\nsser: peer b is back\u2028\u001b[2K\u202e\u0000\u009b\ud800'), {
      stage: 'receive',
    })
    errors.report(new Error('x'.repeat(1_000_000)), { stage: 'initial-sync' })
    const [forged, long] = lines.all as [string, string]
    expect(forged).toBe(
      'sser: request rejected: a\ufffd\ufffdsser: peer b is back\ufffd\ufffd[2K\ufffd\ufffd\ufffd\ufffd',
    )
    expect(long).toHaveLength(1_000)
  })
})

describe('background errors', () => {
  it('are logged once a minute per stage and peer, with the number suppressed', async () => {
    const { lines, clock, errors } = withLines()
    const refuse = () =>
      errors.report(new SserError('peer-failed', 'answered 400'), { stage: 'append', peer: 'a:1' })
    for (let i = 0; i < 10; i += 1) refuse()
    errors.report(new Error('x'), { stage: 'append', peer: 'b:1' })
    errors.report(new Error('x'), { stage: 'initial-sync', peer: 'a:1' })
    expect(lines.all).toEqual([
      'sser: peer a:1: sending events failed, retrying: answered 400',
      'sser: peer b:1: sending events failed, retrying: x',
      'sser: peer a:1: initial sync failed: x',
    ])
    await clock.advance(MINUTE_MS - 1)
    refuse()
    expect(lines.all).toHaveLength(3)
    await clock.advance(1)
    refuse()
    expect(lines.all.slice(3)).toEqual([
      'sser: peer a:1: sending events failed, retrying: answered 400 (and 10 more since the last such line)',
    ])
    await clock.advance(MINUTE_MS)
    refuse()
    expect(lines.all.at(-1)).toMatch(/: answered 400$/)
  })

  it('cause few lines in a flood, from one peer or from ten thousand', async () => {
    const { lines, clock, errors } = withLines()
    for (let i = 0; i < 10_000; i += 1) errors.report(new Error('x'), { stage: 'receive' })
    expect(lines.all).toHaveLength(1)
    for (let i = 0; i < 10_000; i += 1) errors.report(new Error('x'), { stage: 'append', peer: `peer${i}:1` })
    expect(lines.all).toHaveLength(258)
    expect(errors.counts).toMatchObject({ receive: 10_000, append: 10_000 })
    // Keys that share a window are counted; expired windows are evicted for new keys.
    await clock.advance(MINUTE_MS)
    errors.report(new Error('x'), { stage: 'initial-sync', peer: 'new:1' })
    expect(lines.all).toHaveLength(259)
  })

  it('are limited by other keys as well', () => {
    const { lines, logging } = withLines()
    expect(logging.warnOncePerMinute('refused 10.0.0.9', 'refused a request from 10.0.0.9')).toBe(true)
    expect(logging.warnOncePerMinute('refused 10.0.0.9', 'refused a request from 10.0.0.9')).toBe(false)
    expect(lines.warned).toEqual(['sser: refused a request from 10.0.0.9'])
  })
})

describe('a Pod', () => {
  it('logs start, readiness, lost and recovered peers, drain and stop', async () => {
    const lines = new Lines()
    const fleet = new Fleet(2, { drainTimeoutMs: 100, flushTimeoutMs: 0 })
    fleet.replace(0, { logger: lines })
    await fleet.start(...fleet.pods)
    const peer = () => fleet.pod(0).sser.peers.find((each) => each.peer === fleet.host(1))
    await fleet.clock.until('the link is up', () => peer()?.state === 'connected')
    fleet.cut(0, 1, refused)
    void fleet.pod(0).sser.send('a', 'x')
    await fleet.clock.until('many tries', () => (peer()?.failures ?? 0) > 5)
    fleet.heal()
    await fleet.clock.until('the peer is back', () => peer()?.state === 'connected')
    await fleet.stop()
    expect(lines.all).toEqual([
      'sser: starts, with the internal port 7000, and looks for its peers',
      'sser: sser.internalRoutes is open: every process that reaches it can send to every client. Set peerSecret, or allowOpenInternalPort: true if only Pods reach it',
      'sser: is ready; its list of peers has 2 entries',
      'sser: peer 10.0.0.1:7000: sending events failed, retrying: fetch failed: connect ECONNREFUSED',
      'sser: peer 10.0.0.1:7000 is back',
      'sser: stops, with events that 1 peer may lack sent within 0 ms (flushTimeoutMs)',
      'sser: has stopped',
    ])
  })

  it('does not warn of open internal routes that no request reaches', async () => {
    const lines = new Lines()
    await using sser = new Sser({ logger: lines, drainTimeoutMs: 0 })
    await sser.start()
    expect(lines.warned).toEqual([])
    const post = () => sser.internalRoutes.request(APPEND_URL_PATH, { method: 'POST', body: '{}' })
    await post()
    await post()
    expect(lines.warned.filter((line) => line.includes('sser.internalRoutes is open'))).toHaveLength(1)
  })

  it('logs the loss and the recovery of a peer, or its removal from the list, as warnings', () => {
    const { lines, errors } = withLines()
    for (const peer of ['a:1', 'b:1'])
      errors.report(new SserError('peer-failed', 'answered 400'), { stage: 'append', peer })
    errors.recovered('a:1')
    errors.removed('b:1')
    for (const peer of ['a:1', 'b:1', 'c:1']) {
      errors.recovered(peer)
      errors.removed(peer)
    }
    expect(lines.all).toEqual(lines.warned)
    expect(lines.all.slice(2)).toEqual([
      'sser: peer a:1 is back',
      'sser: peer b:1 is no longer in the list of peers',
    ])
  })

  it('warns once of clients that come before it is started, with the call to make', async () => {
    const lines = new Lines()
    const sser = new Sser({ logger: lines })
    const ask = () => sser.handler(new Request('http://pod/?stream=a'))
    for (let i = 0; i < 3; i += 1) expect(await (await ask()).text()).toContain('sser-retry')
    expect(lines.all).toEqual([
      'sser: a client came, and gets no event, because this instance was not started: await serve({ sser, … }), or join({ sser, … }) where another server has the public port',
    ])
    expect(lines.warned).toEqual(lines.all)
  })

  it('logs a peer that comes and goes at most twice a minute', async () => {
    const { lines, errors } = withLines()
    for (let i = 0; i < 1_000; i += 1) {
      errors.report(new Error('x'), { stage: 'append', peer: 'a:1' })
      errors.recovered('a:1')
    }
    expect(lines.all).toHaveLength(2)
  })
})
