import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endPods } from '../support/pod-process.ts'
import { until } from '../support/until.ts'
import { LibraryClient } from './client.ts'
import { MovingFleet } from './fleet.ts'
import { languages, missing } from './install.ts'
import { RunFleet } from './run-fleet.ts'

/** Kills and drains in turn; each moves all clients to the next Pod. */
const MOVES: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM']
/** Some libraries wait for seconds before they come back, and all of them share two cores. */
const RETURN_MS = 60_000

const CHUNKS_BETWEEN_MOVES = 30

const clients = new Map<string, LibraryClient>()
const runClients = new Map<string, LibraryClient>()
let folder: string
let sent: readonly string[] = []
let chunks: readonly string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sser-clients-'))
  const there = languages.filter((language) => missing(language).length === 0)
  const commands = await Promise.all(there.map(({ name, install }) => install(join(folder, name))))
  const fleet = await MovingFleet.start()
  fleet.send()
  const startAll = (started: Map<string, LibraryClient>, url: string) => {
    for (const [i, language] of there.entries()) {
      for (const name of language.clients) {
        const command = commands[i] as readonly string[]
        started.set(name, new LibraryClient(name, command, join(folder, language.name), url))
      }
    }
  }
  startAll(clients, fleet.url)
  // A client that does not come back fails below, with its last output; the others go on.
  const all = async (ms: number) => {
    const count = fleet.sent.length
    const isLate = ({ data, hasEnded }: LibraryClient) =>
      !hasEnded && !fleet.sent.slice(count).some((text) => data.includes(text))
    await until('every client has news', () => ![...clients.values()].some(isLate), ms).catch(() => {})
  }
  await all(RETURN_MS)
  for (const signal of MOVES) {
    await fleet.move(signal)
    await all(RETURN_MS)
  }
  await fleet.cutInside(clients.size).catch(() => {})
  await all(RETURN_MS)
  await fleet.end()
  sent = fleet.sent
  const last = sent.at(-1) as string
  const haveLast = () => [...clients.values()].every(({ data, hasEnded }) => hasEnded || data.includes(last))
  await until('every client has the last event', haveLast).catch(() => {})
  await Promise.allSettled([...clients.values()].map((client) => client.end()))

  const runs = await RunFleet.start()
  chunks = runs.chunks
  startAll(runClients, runs.url)
  for (let moves = 0; moves <= 3; moves += 1) {
    if (moves > 0) runs.move()
    await runs.write(CHUNKS_BETWEEN_MOVES)
    const isLate = ({ data, hasEnded }: LibraryClient) => !hasEnded && data.length < chunks.length
    await until('every client has the chunks', () => ![...runClients.values()].some(isLate), RETURN_MS).catch(
      () => {},
    )
  }
  await runs.end()
  await runs.close()
}, 900_000)

afterAll(async () => {
  await Promise.allSettled([...clients.values(), ...runClients.values()].map((client) => client.end()))
  await endPods()
  await rm(folder, { recursive: true, force: true })
})

describe.each(languages)('a client in $name', (language) => {
  const lacking = missing(language)
  const skipped = lacking.length === 0 ? '' : ` (needs ${lacking.join(' and ')})`

  describe.skipIf(lacking.length > 0)(
    `over four moves between Pods, and a cut inside an event${skipped}`,
    () => {
      test.each(language.clients)('%s gets each event once, and nothing else', (name) => {
        const client = clients.get(name) as LibraryClient
        expect(client.data.length, client.stderr).toBeGreaterThan(0)
        expect(client.wrong(sent), client.stderr).toEqual({
          lost: [],
          doubled: [],
          phantom: [],
          gaps: [],
          faults: [],
        })
      })

      test.each(language.clients)('%s gets each chunk of a run once, from the first one on', (name) => {
        const client = runClients.get(name) as LibraryClient
        expect(client.data, client.stderr).toEqual(chunks)
        expect(client.gaps, client.stderr).toEqual([])
        expect(client.faults, client.stderr).toEqual([])
      })
    },
  )
})

const lacksNpm = missing(languages[0] as (typeof languages)[number]).length > 0

test.skipIf(lacksNpm)(
  'fetch-event-source reconnects after a clean end only if onclose throws, in each dialect',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['clean-end.mjs'], {
      cwd: join(folder, 'JavaScript'),
    })
    const own = ['sser-position', '', 'sser-retry']
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { dialect: 'standard', throws: false, ids: [''], events: own },
      { dialect: 'standard', throws: true, ids: ['', 'i1', 'i2'], events: own },
      { dialect: 'plain', throws: false, ids: [''], events: [''] },
      { dialect: 'plain', throws: true, ids: ['', 'i1', 'i2'], events: [''] },
    ])
  },
)
