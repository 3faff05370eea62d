import type { Mood } from '../plan.ts'

/** One rule of the protocol turned off: a text in a source file, and what stands there instead. */
export interface Mutant {
  /** What no longer holds. */
  name: string
  file: string
  find: string
  replace: string
  mood: Mood
  /** The simulation must notice within so many seeds. */
  seeds: number
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'an unknown epoch counts as 0',
    file: 'src/replication/replicator.ts',
    find: 'const have = known?.have ?? 0',
    replace: 'const have = known?.have ?? run.prev',
    mood: 'harsh',
    seeds: 300,
  },
  {
    name: 'a run is taken only if it continues what is held',
    file: 'src/replication/replicator.ts',
    find: 'if (run.prev > have && run.floor !== true) continue',
    replace: `if (run.prev > have && run.floor !== true) {
        const events = run.events.map((event, i) => ({ ...event, seq: have + 1 + i }))
        this.applyRuns([{ ...run, prev: have, events }], now)
        continue
      }`,
    mood: 'harsh',
    seeds: 300,
  },
  {
    name: 'what is held is skipped',
    file: 'src/replication/replicator.ts',
    find: 'if (event.seq > record.have) {',
    replace: 'if (true) {',
    mood: 'mild',
    seeds: 300,
  },
  {
    name: 'a sender whose log does not reach back says so',
    file: 'src/replication/replicator.ts',
    find: 'floor: isTrimmed ? true : undefined',
    replace: 'floor: undefined',
    mood: 'tiny',
    seeds: 300,
  },
  {
    name: 'a jump leaves a hole in the log',
    file: 'src/log/log.ts',
    find: 'record.entries.push(hole)\n    this.#holes.push(hole)\n    this.#push(hole, now)',
    replace: 'void hole',
    mood: 'tiny',
    seeds: 300,
  },
  {
    name: 'third Pods’ events are handed on',
    file: 'src/replication/replicator.ts',
    find: '!(third || isTrimmed || this.#isOverdue(peer, epoch, now))',
    replace: 'true',
    mood: 'harsh',
    seeds: 300,
  },
  {
    name: 'the first block carries an id',
    file: 'src/delivery/connection.ts',
    find: 'gap === undefined ? preambleFrame(id,',
    replace: 'gap === undefined ? preambleFrame(undefined,',
    mood: 'harsh',
    seeds: 300,
  },
  {
    name: 'an id is the position at the cursor, not the Pod’s',
    file: 'src/log/log.ts',
    find: 'index >= this.nextIndex ? record.have : record.seqAt(index)',
    replace: 'record.have',
    mood: 'ordinary',
    seeds: 300,
  },
  {
    name: 'what the client has is not delivered again',
    file: 'src/delivery/reader.ts',
    find: 'return entry.seq <= (position.get(entry.epoch) ?? 0)',
    replace: 'return false',
    mood: 'ordinary',
    seeds: 300,
  },
  {
    name: 'what the client came with stays in its id',
    file: 'src/delivery/reader.ts',
    find: 'if (seq > (position.get(epoch) ?? 0)) position.set(epoch, seq)',
    replace: 'void seq',
    mood: 'harsh',
    seeds: 300,
  },
  {
    name: 'an epoch that is unknown here is carried along',
    file: 'src/delivery/reader.ts',
    find: 'if (record === undefined || seq > record.have ||',
    replace: 'if (record !== undefined) if (seq > record.have ||',
    mood: 'harsh',
    seeds: 1_000,
  },
  {
    name: 'a reader that the log left behind is told',
    file: 'src/delivery/reader.ts',
    find: "this.skipEvicted(now) ? 'slow-client' : undefined",
    replace: 'this.skipEvicted(now) ? undefined : undefined',
    mood: 'tiny',
    seeds: 300,
  },
  {
    name: 'an id below the floor is a gap',
    file: 'src/delivery/reader.ts',
    find: "if (seq < record.floor) gap = 'trimmed'",
    replace: '',
    mood: 'tiny',
    seeds: 300,
  },
  {
    name: 'an event that lost its message is a gap for its streams',
    file: 'src/delivery/reader.ts',
    find: "if (this.skipEvicted(now)) gap = 'trimmed'",
    replace: 'this.skipEvicted(now)',
    mood: 'tiny',
    seeds: 300,
  },
  {
    name: 'an epoch that the id does not name counts as 0',
    file: 'src/delivery/reader.ts',
    find: 'named ?? { seq: 0, since: now }',
    replace: 'named ?? { seq: record.have, since: now }',
    mood: 'harsh',
    seeds: 300,
  },
  {
    name: 'dead epochs leave positions',
    file: 'src/log/timing.ts',
    find: 'forgetMs: 2.5 * logMaxAgeMs,\n    dropMs: 3.75 * logMaxAgeMs',
    replace: 'forgetMs: 250 * logMaxAgeMs,\n    dropMs: 375 * logMaxAgeMs',
    mood: 'tiny',
    seeds: 1_000,
  },
  {
    name: 'resuming across a Go Pod’s event is a gap',
    file: 'src/delivery/reader.ts',
    find: "now - log.lastV1At <= this.#timing.v1GapMs ? 'legacy-peer' : undefined",
    replace: 'undefined',
    mood: 'mild',
    seeds: 1_000,
  },
  {
    name: 'a Pod that stops hands over what it has first',
    file: 'src/sser.ts',
    find: 'this.#membership.incarnation.mesh.flush(this.#settings.flushTimeoutMs),',
    replace: 'undefined,',
    mood: 'ordinary',
    seeds: 1_000,
  },
  {
    name: 'a retried send delivers once',
    file: 'src/delivery/batch.ts',
    find: 'log.idempotencyKeys.isFirst(entry)',
    replace: 'log.idempotencyKeys !== undefined',
    mood: 'harsh',
    seeds: 1_000,
  },
  {
    name: 'a connection that comes after the end is ended',
    file: 'src/delivery/hub.ts',
    find: 'if (this.#isStopped) return liveFrom',
    replace: 'if (this.#isStopped) return undefined',
    mood: 'tiny',
    seeds: 600,
  },
  {
    name: 'a disconnect ends those who are connected',
    file: 'src/delivery/hub.ts',
    find: "if (entry.kind === 'disconnect') this.#closeAll(",
    replace: "if (entry.kind === 'disconnect') void (",
    mood: 'mild',
    seeds: 300,
  },
  {
    name: 'who was let in before a disconnect does not slip through',
    file: 'src/delivery/hub.ts',
    find: 'if (isMeant(selection, audience.streams, grant?.tags ?? [])) return index',
    replace: 'void selection',
    mood: 'ordinary',
    seeds: 1_000,
  },
  {
    name: 'a connection begins where the log stood when its request was answered',
    file: 'src/instance/incarnation.ts',
    find: 'this.#connect(streams, read, sink, terms)',
    replace: 'this.#connect(streams, this.#read(streams, lastEventId), sink, terms)',
    mood: 'ordinary',
    seeds: 300,
  },
  {
    name: 'a connection is sent what was appended before the disconnect that ends it',
    file: 'src/delivery/hub.ts',
    find: 'if (connection.closeAt(index) || this.#isStopped)',
    replace: 'if (connection.closeAt(0) || this.#isStopped)',
    mood: 'mild',
    seeds: 300,
  },
  {
    name: 'so is a connection whose response is read only after that disconnect',
    file: 'src/delivery/hub.ts',
    find: 'if (closeIndex !== undefined && closeIndex > connection.liveFrom) {',
    replace: 'if (false) {',
    mood: 'mild',
    seeds: 1_000,
  },
  {
    name: 'a connection is sent nothing that was appended after the disconnect that ends it',
    file: 'src/delivery/connection.ts',
    find: 'this.#reader.slice(now(), this.#closeIndex ?? log.nextIndex)',
    replace: 'this.#reader.slice(now(), log.nextIndex)',
    mood: 'mild',
    seeds: 1_000,
  },
  {
    name: 'a disconnect travels as one',
    file: 'src/replication/replicator.ts',
    find: "if (entry.kind === 'disconnect') return { seq: entry.seq, age, disconnect: entry.selection }",
    replace: '',
    mood: 'harsh',
    seeds: 300,
  },
]
