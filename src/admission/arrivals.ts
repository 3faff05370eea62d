import { type EventStreamBody, eventStreamBodyOf } from '../delivery/event-stream-body.ts'
import { type FetchHandler, isPromise } from '../http/fetch-handler.ts'

/** One request to the app, recorded by `serve()`, by `toNodeHandler()`, or under Node by the `server` of `join()`. */
export interface Arrival {
  /** Number of log entries when the request came in, before any middleware of the app. */
  readonly mark: number
  readonly arrivals: Arrivals
  /** The event stream that answers the request. */
  body: EventStreamBody | undefined
}

/** Property of a `Request` and of Node's request, because a router may copy the `Request`. */
const ARRIVAL = Symbol('sser arrival')

interface Marked {
  [ARRIVAL]?: Arrival
}

/** The arrival of a request; undefined where none was recorded. */
export function arrivalOf(request: Request, env: unknown): Arrival | undefined {
  return (request as Marked)[ARRIVAL] ?? incomingIn(env)?.[ARRIVAL]
}

function incomingIn(env: unknown): Marked | undefined {
  return (env as { incoming?: Marked } | undefined)?.incoming
}

/** Records the requests that come to one `Sser`. */
export class Arrivals {
  readonly #mark: () => number
  /** Event streams opened so far. */
  #opened = 0

  /** `mark` counts the entries of the log so far. */
  constructor(mark: () => number) {
    this.#mark = mark
  }

  /** The arrival of a request that this instance has recorded: the mark of another one has no meaning here. */
  of(request: Request, env: unknown): Arrival | undefined {
    const arrival = arrivalOf(request, env)
    return arrival?.arrivals === this ? arrival : undefined
  }

  /** Records the event stream that answers `request`. */
  opened(request: Request, env: unknown, body: EventStreamBody): void {
    this.#opened += 1
    const arrival = arrivalOf(request, env)
    if (arrival !== undefined) arrival.body = body
  }

  /** Records a request of Node's HTTP that will reach {@link recording} later, after middleware. */
  record(incoming: object): void {
    ;(incoming as Marked)[ARRIVAL] = this.#arrival()
  }

  /** Wraps `fetch` to record each request and the event stream that answers it. */
  recording(fetch: FetchHandler): FetchHandler {
    return (request, env) => {
      const incoming = incomingIn(env)
      const before = incoming?.[ARRIVAL]
      const arrival = before?.arrivals === this ? before : this.#arrival()
      ;(request as Marked)[ARRIVAL] = arrival
      if (incoming !== undefined) incoming[ARRIVAL] = arrival
      const opened = this.#opened
      // A router may copy its request and pass on no env. Other responses must not pay for a look at their body.
      const find = (response: Response) => {
        if (arrival.body === undefined && this.#opened !== opened) arrival.body = eventStreamBodyOf(response)
        return response
      }
      const response = fetch(request, env)
      return isPromise(response) ? response.then(find) : find(response)
    }
  }

  #arrival(): Arrival {
    return { mark: this.#mark(), arrivals: this, body: undefined }
  }
}
