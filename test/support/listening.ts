import { prepareConnection } from '../../src/admission/admit.ts'
import type { Connection, Sink } from '../../src/delivery/connection.ts'
import { EventStreamBody } from '../../src/delivery/event-stream-body.ts'
import { Incarnation } from '../../src/instance/incarnation.ts'
import type { EntryContent, EventEntry } from '../../src/log/entry.ts'
import { Counters } from '../../src/telemetry/counters.ts'
import { ErrorReporter } from '../../src/telemetry/error-reporter.ts'
import { Logging } from '../../src/telemetry/logging.ts'
import { Client } from './client.ts'
import { VirtualClock } from './clock.ts'
import { peerClient } from './peer-client.ts'
import { settingsOf, type TestSettings } from './settings.ts'

/** One Pod's log and hub on virtual time, without any peers. */
export class Listening {
  readonly clock: VirtualClock = new VirtualClock()
  readonly errors: unknown[] = []
  readonly reports: ErrorReporter = new ErrorReporter((error) => this.errors.push(error))
  readonly incarnation: Incarnation

  constructor(settings: TestSettings = {}) {
    this.incarnation = new Incarnation({
      settings: settingsOf(settings),
      clock: this.clock,
      errors: this.reports,
      counters: new Counters(),
      logging: new Logging(false, this.clock),
      client: peerClient(this.clock),
      onPause: () => {},
    })
    // Like a Pod's first no-op entry: from here on no id is empty.
    this.append({})
  }

  /** This Pod's own event. */
  send(stream: string, msg: string): EventEntry {
    return this.append({ stream, msg }) as EventEntry
  }

  append(content: EntryContent, epoch?: string) {
    const { log } = this.incarnation
    const now = this.clock.now()
    return log.append(epoch ?? log.epoch, content, now, now)
  }

  /** The body of a response. */
  body(
    streams: readonly string[],
    lastEventId?: string,
    since: number = this.incarnation.log.nextIndex,
  ): EventStreamBody {
    const { connect } = prepareConnection(this.incarnation, streams, { lastEventId })
    return new EventStreamBody({ hub: this.incarnation.hub, connect, since })
  }

  /** A client that reads when it is told to. */
  open(streams: readonly string[], lastEventId?: string): Client {
    return new Client(this.body(streams, lastEventId))
  }

  /** A client that reads all the time. */
  connect(...streams: string[]): Client {
    return this.open(streams).flow()
  }

  /** Adds a connection without a response, and takes its preamble. `onChunk` replaces the network. */
  join(streams: readonly string[], onChunk: (chunk: Uint8Array, connection: Connection) => void): Connection {
    const sink: Sink = {
      write(chunk) {
        onChunk(chunk, connection)
        return false
      },
      close() {},
      abort() {},
    }
    const connection: Connection = prepareConnection(this.incarnation, streams).connect(sink)
    this.incarnation.hub.add(connection)
    this.incarnation.hub.pull(connection)
    return connection
  }
}
