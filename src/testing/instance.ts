import type { Clock } from '../clock.ts'
import { SserError } from '../errors.ts'
import type { SserOptions } from '../options.ts'
import { Sser } from '../sser.ts'
import type { Fetch } from '../transport/peer-transport.ts'
import type { ManualClock } from './manual-clock.ts'
import { TestClock } from './test-clock.ts'

/** Options of {@link createSser}: the options of `new Sser()`, without `peerFinder` and `internalPort`. */
export interface TestOptions extends Omit<SserOptions, 'peerFinder' | 'internalPort'> {
  /**
   * Time that the test itself advances.
   * @default real time, or that of the fake timers which the test has installed
   */
  clock?: ManualClock | undefined
}

/** Parts that connect an instance to a network in memory. */
export interface Network {
  peerFinder: NonNullable<SserOptions['peerFinder']>
  peerFetch: Fetch
}

/**
 * An instance for tests. It opens no port, logs nothing, and ends its connections at once in `stop()`, because a test
 * has no clients to spread over time.
 */
export function createInstance({ clock, ...options }: TestOptions, network?: Network): Sser {
  if ((options as SserOptions).peerFinder !== undefined)
    throw new SserError(
      'invalid-options',
      'Option "peerFinder": instances of sser/testing find their peers in memory; call createFleet(size), or for real peers new Sser({ peerFinder })',
    )
  const time: Clock = clock ?? new TestClock()
  const { peerFinder, peerFetch } = network ?? {}
  return new Sser({ logger: false, drainTimeoutMs: 0, ...options, peerFinder }, { clock: time, peerFetch })
}

/**
 * Creates and starts an instance without peers and without ports, for unit tests of an app that sends or serves events.
 * @throws SserError `invalid-options`
 * @example
 * await using sser = await createSser()
 * const app = createApp(sser)
 */
export async function createSser(options: TestOptions = {}): Promise<Sser> {
  const sser = createInstance(options)
  await sser.start()
  return sser
}
