import assert from 'node:assert/strict'
import { DnsPeerFinder, type DnsPeerFinderOptions } from '../../src/dns.ts'
import { describe } from '../../src/errors.ts'
import { SserError } from '../../src/index.ts'
import { VirtualClock } from '../support/clock.ts'
import { until, within } from '../support/until.ts'
import { bareEnvironment } from './environment.ts'
import type { Row } from './kubernetes/rows/row.ts'
import { NameServer } from './name-server.ts'

const NAME = 'web.shop.svc.cluster.local'

/** A finder with a name server of its own, on virtual time. */
class Zone {
  readonly clock: VirtualClock = new VirtualClock()
  readonly server: NameServer
  readonly finder: DnsPeerFinder
  readonly lists: string[] = []
  readonly errors: string[] = []
  readonly stop = new AbortController()

  constructor(server: NameServer, options: Partial<DnsPeerFinderOptions>) {
    this.server = server
    this.finder = new DnsPeerFinder({
      hostname: NAME,
      nameServers: [server.address],
      clock: this.clock,
      onError: (error) => this.errors.push(describe(error)),
      ...options,
    })
  }

  async start(): Promise<void> {
    const { peers, changes } = await within('the first answer', this.finder.start(this.stop))
    const record = (list: typeof peers) => this.lists.push(list.map(({ address }) => address).join(' '))
    record(peers)
    void (async () => {
      for await (const list of changes) record(list)
    })()
  }

  /** Advances time until the next query; resolves after its answer or its timeout. */
  async round(): Promise<void> {
    await this.asked()
    await until('the answer is there', () => this.clock.timers > 0)
  }

  /** Advances time until the next query. */
  async asked(): Promise<void> {
    const { length } = this.server.questions
    await until('the server is asked', async () => {
      // While a query is pending there is no timer.
      if (this.clock.timers > 0) await this.clock.advance(50)
      return this.server.questions.length > length
    })
  }
}

function row(
  behaviour: string,
  run: (zone: Zone) => Promise<void>,
  options: Partial<DnsPeerFinderOptions> = {},
  env: Record<string, string> = {},
): Row {
  return {
    behaviour: `by DNS: ${behaviour}`,
    async run() {
      const restore = bareEnvironment()
      Object.assign(process.env, env)
      const server = await NameServer.start()
      server.addresses = ['10.0.0.1', '10.0.0.2']
      const zone = new Zone(server, options)
      try {
        await run(zone)
      } finally {
        zone.stop.abort()
        await server.close()
        restore()
      }
    },
  }
}

const missing = (zone: Zone) =>
  zone.errors.filter((fault) => fault.includes('without the address of this Pod'))

const selfRows: readonly Row[] = [
  row(
    'reports once per absence that its own address is missing for a minute',
    async (zone) => {
      const rounds = async (ms: number) => {
        const end = zone.clock.now() + ms
        while (zone.clock.now() < end) await zone.round()
      }
      await zone.start()
      await rounds(50_000)
      assert.deepEqual(missing(zone), [])
      await rounds(60_000)
      assert.equal(missing(zone).length, 1)
      assert.match(missing(zone)[0] ?? '', /POD_IP "10\.0\.0\.9".*headless.*publishNotReadyAddresses/)
      zone.server.addresses = ['10.0.0.1', '10.0.0.9']
      await rounds(10_000)
      zone.server.addresses = ['10.0.0.1']
      await rounds(70_000)
      assert.equal(missing(zone).length, 2)
    },
    { intervalMs: 5_000 },
    { POD_IP: '10.0.0.9' },
  ),
  row(
    'reports nothing if its own address is unknown or listed',
    async (zone) => {
      await zone.start()
      for (let i = 0; i < 15; i += 1) await zone.round()
      process.env.POD_IP = '10.0.0.2'
      for (let i = 0; i < 15; i += 1) await zone.round()
      assert.deepEqual(zone.errors, [])
    },
    { intervalMs: 5_000 },
  ),
]

export const dnsRows: readonly Row[] = [
  ...selfRows,
  row('rejects a hostname of one label, with the expected form and the received name', async () => {
    const fault = /Option "hostname": expected a fully qualified name such as .*, got "web"/
    assert.throws(() => new DnsPeerFinder({ hostname: 'web' }), fault)
  }),
  row(
    'lists every address once, with the port of the options',
    async (zone) => {
      zone.server.addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.1']
      const { peers } = await zone.finder.start(zone.stop)
      const sorted = [...peers].sort((a, b) => a.address.localeCompare(b.address))
      assert.deepEqual(sorted, [
        { address: '10.0.0.1', port: 7_100 },
        { address: '10.0.0.2', port: 7_100 },
      ])
      assert.deepEqual(zone.server.questions, [`${NAME} A`])
    },
    { port: 7_100 },
  ),
  row('queries every five seconds, plus or minus one, and publishes changes', async (zone) => {
    await zone.start()
    zone.server.addresses = ['10.0.0.2', '10.0.0.3']
    const startedAt = zone.clock.now()
    await zone.round()
    const waited = zone.clock.now() - startedAt
    assert.ok(waited >= 4_000 && waited <= 6_050, `${waited} ms`)
    await until('it tells', () => zone.lists.length === 2)
    assert.equal(zone.lists[1]?.split(' ').sort().join(' '), '10.0.0.2 10.0.0.3')
  }),
  row('treats the same addresses in another order as unchanged', async (zone) => {
    await zone.start()
    zone.server.addresses = ['10.0.0.2', '10.0.0.1']
    await zone.round()
    await zone.round()
    assert.equal(zone.lists.length, 1)
  }),
  ...(['SERVFAIL', 'NXDOMAIN', 'silence'] as const).map((fault) =>
    row(`keeps its peers after ${fault}, reports it, and recovers`, async (zone) => {
      await zone.start()
      zone.server.fault = fault
      await zone.round()
      assert.match(zone.errors[0] ?? '', new RegExp(`^DNS: no address of ${NAME}.*publishNotReadyAddresses`))
      zone.server.fault = undefined
      zone.server.addresses = ['10.0.0.3']
      while (zone.lists.length === 1) await zone.round()
      assert.equal(zone.lists[1], '10.0.0.3')
    }),
  ),
  row('keeps its peers when the name has no addresses', async (zone) => {
    await zone.start()
    zone.server.addresses = []
    await zone.round()
    assert.equal(zone.errors.length, 1)
    assert.equal(zone.lists.length, 1)
  }),
  row('ignores addresses that no Pod has, even if there are no others', async (zone) => {
    zone.server.addresses = ['127.0.0.1', '169.254.169.254', '0.0.0.0', '10.0.0.1']
    await zone.start()
    assert.deepEqual(zone.lists, ['10.0.0.1'])
    zone.server.addresses = ['127.0.0.1']
    await zone.round()
    assert.match(zone.errors[0] ?? '', /no address of a Pod: 127\.0\.0\.1/)
    assert.deepEqual(zone.lists, ['10.0.0.1'])
  }),
  row('queries IPv6 if there is no IPv4', async (zone) => {
    zone.server.addresses = ['fd00::1', 'fd00::2:3']
    await zone.start()
    assert.deepEqual(zone.lists[0]?.split(' ').sort(), ['fd00::1', 'fd00::2:3'])
  }),
  row('does not query IPv6 after a server failure for IPv4', async (zone) => {
    await zone.start()
    zone.server.fault = 'SERVFAIL'
    await zone.round()
    assert.deepEqual(new Set(zone.server.questions), new Set([`${NAME} A`]))
  }),
  row(
    'queries the family of this Pod’s own address',
    async (zone) => {
      zone.server.addresses = ['10.0.0.1', 'fd00::1']
      await zone.start()
      assert.deepEqual(zone.lists, ['fd00::1'])
      assert.deepEqual(zone.server.questions, [`${NAME} AAAA`])
    },
    {},
    { POD_IP: 'fd00::9' },
  ),
  row(
    'prefers the option family to that of its own address',
    async (zone) => zone.start(),
    { family: 'IPv4' },
    { POD_IP: 'fd00::9' },
  ),
  row('start() waits for a first answer', async (zone) => {
    zone.server.fault = 'NXDOMAIN'
    const started = zone.start()
    await until('the failure is reported', () => zone.errors.length === 1)
    zone.server.fault = undefined
    await zone.clock.advance(1_000)
    await started
    assert.equal(zone.lists.length, 1)
  }),
  row('start() rejects after 30 seconds without an answer', async (zone) => {
    zone.server.fault = 'NXDOMAIN'
    let outcome: unknown
    const startedAt = zone.clock.now()
    zone.finder.start(zone.stop).catch((error: unknown) => {
      outcome = error
    })
    await until('it gives up', async () => {
      if (zone.clock.timers > 0) await zone.clock.advance(1_000)
      return outcome !== undefined
    })
    assert.ok(outcome instanceof SserError && outcome.code === 'peer-finder-failed')
    assert.ok(zone.clock.now() - startedAt <= 31_000)
  }),
  row('stops while it waits for an answer, and queries and publishes no more', async (zone) => {
    await zone.start()
    zone.server.fault = 'silence'
    await zone.asked()
    zone.stop.abort()
    zone.server.fault = undefined
    await zone.clock.advance(60_000)
    assert.equal(zone.clock.timers, 0)
    assert.equal(zone.server.questions.length, 2)
    assert.equal(zone.lists.length, 1)
    assert.deepEqual(zone.errors, [])
  }),
  row('start() rejects with the signal’s reason before the first answer', async (zone) => {
    zone.server.fault = 'silence'
    const started = assert.rejects(zone.finder.start(zone.stop), /never mind/)
    await until('the server is asked', () => zone.server.questions.length === 1)
    zone.stop.abort(new Error('never mind'))
    await within('the refusal', started)
  }),
  row('reports each fault that does not stop it to the caller of start() as well', async (zone) => {
    const heard: string[] = []
    zone.server.fault = 'NXDOMAIN'
    const onError = (error: unknown) => heard.push(describe(error))
    const started = zone.finder.start({ signal: zone.stop.signal, onError })
    await until('the failure is reported', () => zone.errors.length === 1)
    zone.server.fault = undefined
    await zone.clock.advance(1_000)
    await started
    zone.server.fault = 'SERVFAIL'
    await zone.round()
    await until('it hears of that, too', () => heard.length === 2)
    assert.deepEqual(heard, zone.errors)
  }),
  row('reports the fault that start() rejects with by the rejection alone', async (zone) => {
    let heard = 0
    let outcome: unknown
    zone.server.fault = 'NXDOMAIN'
    const onError = () => {
      heard += 1
    }
    zone.finder.start({ signal: zone.stop.signal, onError }).catch((error: unknown) => {
      outcome = error
    })
    await until('it gives up', async () => {
      if (zone.clock.timers > 0) await zone.clock.advance(1_000)
      return outcome !== undefined
    })
    assert.equal(heard, zone.errors.length - 1)
  }),
]
