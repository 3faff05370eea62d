import type { Mutant } from './mutants.ts'

/** The rules of a full log, each turned off. */
export const EVICTION_MUTANTS: readonly Mutant[] = [
  {
    name: 'the stream that takes most of the log loses its events first',
    file: 'src/log/log.ts',
    find: 'this.#shares.largest?.at(0) ?? ',
    replace: '',
    profile: 'crowded',
    seeds: 300,
    isQuick: true,
  },
  {
    name: 'a peer is told the streams of the events that it lacks and that are evicted',
    file: 'src/replication/replicator.ts',
    find: 'isSparse && evictedSeq > match ?',
    replace: 'false ?',
    profile: 'crowded',
    seeds: 300,
  },
  {
    name: 'an evicted event that a peer told of is a gap for its stream',
    file: 'src/replication/replicator.ts',
    find: 'this.#log.appendEvicted(run.epoch, stream, seq, now - age, now)',
    replace: 'void [stream, seq, age]',
    profile: 'crowded',
    seeds: 300,
  },
  {
    name: 'a client whose unread events of its stream were evicted gets a gap',
    file: 'src/delivery/reader.ts',
    find: 'this.cursor < evictedIndex || this.#missesEvicted()',
    replace: 'this.cursor < evictedIndex',
    profile: 'tiny',
    seeds: 300,
  },
  {
    name: 'an evicted event is a gap for its stream',
    file: 'src/delivery/reader.ts',
    find: "if (this.#streams.some((stream) => seq < (record.streamFloors?.get(stream)?.seq ?? 0))) gap = 'trimmed'",
    replace: '',
    profile: 'tiny',
    seeds: 300,
  },
]
