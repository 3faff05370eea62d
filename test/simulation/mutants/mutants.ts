import type { FaultProfile } from '../plan.ts'
import { EVICTION_MUTANTS } from './eviction-mutants.ts'
import { RUN_MUTANTS } from './run-mutants.ts'

/** One rule of the protocol turned off: a text in a source file, and its replacement. */
export interface Mutant {
  /** The rule that no longer holds. */
  name: string
  file: string
  find: string
  replace: string
  profile: FaultProfile
  /** Runs in fleets with Pods of the recorded release. */
  isMixed?: true
  /** Runs in fleets whose Pods start runs. */
  hasRuns?: true
  /** With the short plans. */
  isShort?: true
  /** The first seed. @default 1 */
  from?: number
  /** Maximum number of seeds until the simulation reports a violation. */
  seeds: number
  /** Reported within the first seeds, so `npm test` runs it too. */
  isQuick?: true
}

export const MUTANTS: readonly Mutant[] = [
  ...EVICTION_MUTANTS,
  ...RUN_MUTANTS,
  {
    name: 'an unknown epoch counts as 0',
    file: 'src/replication/replicator.ts',
    find: 'const have = known?.have ?? 0',
    replace: 'const have = known?.have ?? run.prev',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'a run is applied only if it continues the log',
    file: 'src/replication/replicator.ts',
    find: 'if (run.prev > have && run.floor !== true) continue',
    replace: `if (run.prev > have && run.floor !== true) {
        const events = run.events.map((event, i) => ({ ...event, seq: have + 1 + i }))
        this.applyRanges([{ ...run, prev: have, events }], now)
        continue
      }`,
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'entries that the log has are skipped',
    file: 'src/replication/replicator.ts',
    find: 'if (event.seq > record.have) {',
    replace: 'if (true) {',
    profile: 'mild',
    seeds: 300,
    isQuick: true,
  },
  {
    name: 'a sender with a trimmed log sends a floor',
    file: 'src/replication/replicator.ts',
    find: 'const floor = prev > match ? true : undefined',
    replace: 'const floor = undefined',
    profile: 'tiny',
    seeds: 300,
  },
  {
    name: 'a link to a Pod without exchanges goes on with single requests',
    file: 'src/replication/link.ts',
    find: 'if (this.#exchanges.isOpen) this.#exchanges.current?.push()\n    else void this.#requests.start()',
    replace:
      'if (this.#exchanges.isOpen) this.#exchanges.current?.push()\n    else if (this.peer === undefined) void this.#requests.start()',
    profile: 'mild',
    isMixed: true,
    seeds: 300,
  },
  {
    name: 'a floor is a field that the recorded release knows',
    file: 'src/wire/append-message.ts',
    find: `position: Object.fromEntries(message.position) })
}

/** Reads a v2 body; throws \`invalid-peer-message\`, naming the first fault. */
export function parseAppend(body: string): Append {
  const parsed = v.safeParse(schema, parseJson(body, 'body')`,
    replace: `position: Object.fromEntries(message.position) }).replaceAll('"floor":', '"trimmed":')
}

export function parseAppend(body: string): Append {
  const parsed = v.safeParse(schema, parseJson(body.replaceAll('"trimmed":', '"floor":'), 'body')`,
    profile: 'mild',
    isMixed: true,
    seeds: 300,
  },
  {
    name: 'skipping seqs leaves a hole in the log',
    file: 'src/log/log.ts',
    find: 'record.entries.push(hole)\n    this.#push(hole, now)',
    replace: 'void hole',
    profile: 'tiny',
    from: 10,
    seeds: 300,
    isQuick: true,
  },
  {
    name: 'events of third Pods are forwarded',
    file: 'src/replication/replicator.ts',
    find: 'return prev > match || this.#isOverdue(peer, epoch, now)',
    replace: 'return false',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'the first block carries an id',
    file: 'src/delivery/connection.ts',
    find: 'return this.format.own(preambleFrame(id,',
    replace: 'return this.format.own(preambleFrame(undefined,',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'an id is the position at the cursor, not the Pod’s',
    file: 'src/log/log.ts',
    find: 'index >= this.nextIndex ? record.have : record.seqAt(index)',
    replace: 'record.have',
    profile: 'ordinary',
    seeds: 300,
    isQuick: true,
  },
  {
    name: 'events that the client has are not delivered again',
    file: 'src/delivery/reader.ts',
    find: 'return entry.seq <= (position.get(entry.epoch) ?? 0)',
    replace: 'return false',
    profile: 'ordinary',
    seeds: 300,
  },
  {
    name: 'carried entries stay in the id',
    file: 'src/delivery/reader.ts',
    find: 'if (seq > (position.get(epoch) ?? 0)) position.set(epoch, seq)',
    replace: 'void seq',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'an unknown epoch of an id is carried',
    file: 'src/delivery/reader.ts',
    find: 'of position) carried.add(epoch, seq, since)',
    replace: 'of position) if (log.epochs.get(epoch) !== undefined) carried.add(epoch, seq, since)',
    profile: 'harsh',
    seeds: 1_000,
  },
  {
    name: 'a client whose unread entries were evicted gets a gap',
    file: 'src/delivery/reader.ts',
    find: "this.skipEvicted(now) ? 'slow-client' : undefined",
    replace: 'this.skipEvicted(now) ? undefined : undefined',
    profile: 'tiny',
    seeds: 300,
  },
  {
    name: 'an id below the floor is a gap',
    file: 'src/delivery/reader.ts',
    find: "if (seq < record.floor) gap = 'trimmed'",
    replace: '',
    profile: 'tiny',
    seeds: 300,
  },
  {
    name: 'an epoch that the id does not name counts as 0',
    file: 'src/delivery/reader.ts',
    find: 'named ?? { seq: 0, since: now }',
    replace: 'named ?? { seq: record.have, since: now }',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'silent epochs leave positions',
    file: 'src/log/timing.ts',
    find: 'forgetMs: 2.5 * logMaxAgeMs,\n    dropMs: 3.75 * logMaxAgeMs',
    replace: 'forgetMs: 250 * logMaxAgeMs,\n    dropMs: 375 * logMaxAgeMs',
    profile: 'tiny',
    seeds: 1_000,
  },
  {
    name: 'resuming across a Go Pod’s event is a gap',
    file: 'src/log/losses.ts',
    find: "if (now - this.#v1At <= v1GapMs) return 'legacy-peer'",
    replace: '',
    profile: 'mild',
    seeds: 1_000,
  },
  {
    name: 'a Pod that stops hands its events to the peers first',
    file: 'src/instance/lifecycle.ts',
    find: 'membership.incarnation.mesh.flush.run(flushTimeoutMs, onWait),',
    replace: '[],',
    profile: 'ordinary',
    seeds: 1_000,
  },
  {
    name: 'a retried send delivers once',
    file: 'src/delivery/batch.ts',
    find: 'log.indexes.idempotencyKeys.isFirst(entry)',
    replace: 'log.indexes.idempotencyKeys !== undefined',
    profile: 'harsh',
    seeds: 1_000,
  },
  {
    name: 'a connection that is added after the stop is closed',
    file: 'src/delivery/hub.ts',
    find: 'if (this.#isStopped) return { index: liveFrom, reason: this.#stopReason }',
    replace: 'if (this.#isStopped) return undefined',
    profile: 'tiny',
    seeds: 600,
  },
  {
    name: 'a disconnect closes the matching connections',
    file: 'src/delivery/hub.ts',
    find: "this.#closeAll(this.registry.matching(entry.selector), entry.index, () => 'disconnected')",
    replace: 'void entry',
    profile: 'mild',
    seeds: 300,
    isQuick: true,
  },
  {
    name: 'a connection that was authorized before a disconnect and is added later is closed',
    file: 'src/delivery/hub.ts',
    find: "if (matches(selector, streams, grant?.tags ?? [])) return { index, reason: 'disconnected' }",
    replace: 'void selector',
    profile: 'ordinary',
    seeds: 1_000,
  },
  {
    name: 'a connection begins at the log index of its response',
    file: 'src/admission/admit.ts',
    find: 'return new StreamConnection({ reader, gap,',
    replace: `const late = new Reader(context.log, streams, incarnation.timing)
    if (lastEventId !== undefined) late.resume(lastEventId, settings.maxLastEventIdBytes, context.now())
    return new StreamConnection({ reader: late, gap,`,
    profile: 'ordinary',
    seeds: 300,
  },
  {
    name: 'a connection receives the entries before the disconnect that closes it',
    file: 'src/delivery/hub.ts',
    find: 'if (connection.closeAt(index) || this.#isStopped)',
    replace: 'if (connection.closeAt(0) || this.#isStopped)',
    profile: 'mild',
    seeds: 300,
  },
  {
    name: 'a connection that is read only after a disconnect receives the entries before it',
    file: 'src/delivery/hub.ts',
    find: 'if (end.index <= connection.liveFrom)',
    replace: 'if (true)',
    profile: 'mild',
    seeds: 1_000,
  },
  {
    name: 'a connection receives no entry after the disconnect that closes it',
    file: 'src/delivery/stream-connection.ts',
    find: 'this.#reader.slice(frames, now, this.#end)',
    replace: 'this.#reader.slice(frames, now, log.nextIndex)',
    profile: 'mild',
    seeds: 1_000,
  },
  {
    name: 'a disconnect is replicated as a disconnect',
    file: 'src/replication/replicator.ts',
    find: "if (entry.kind === 'disconnect') return { seq: entry.seq, age, disconnect: entry.selector }",
    replace: '',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'entries that were written in an exchange count as held only when the peer acknowledges them',
    file: 'src/replication/link-exchange.ts',
    find: 'this.#cursor.add(run, section, text.length, now)',
    replace: `this.#cursor.add(run, section, text.length, now)
      if (run !== undefined) peer.acknowledge(new Map([[run.run.epoch, run.last]]), log.epochs, now)`,
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'events of third Pods are forwarded in exchanges',
    file: 'src/replication/exchange-cursor.ts',
    find: 'if (!this.#isThirdDue ||',
    replace: 'if (true ||',
    profile: 'harsh',
    seeds: 300,
  },
  {
    name: 'both sides of an exchange send their position at each beat',
    file: 'src/replication/link-exchange.ts',
    find: `  beat(): void {
    this.#fields.tell()`,
    replace: '  beat(): void {',
    profile: 'harsh',
    seeds: 300,
  },
]
