import { type EventStreamBody, eventStreamBodyOf } from '../delivery/event-stream-body.ts'
import { type FetchHandler, isPromise } from '../http/connection-close.ts'

/** One request that `serve()` has handed to the app. */
export interface Arrival {
  /** Where the log of its `Sser` stood when the request came in, before any middleware of the app. */
  readonly mark: number
  readonly arrivals: Arrivals
  /** The event stream that answers the request. */
  body: EventStreamBody | undefined
}

/** Property of a request, and of Node's own request, because a router may make another `Request` of it. */
const ARRIVAL = Symbol('sser arrival')

interface Marked {
  [ARRIVAL]?: Arrival
}

/** The arrival of a request; undefined where `serve()` has not handed it to the app. */
export function arrivalOf(request: Request, env: unknown): Arrival | undefined {
  return (request as Marked)[ARRIVAL] ?? incomingIn(env)?.[ARRIVAL]
}

function incomingIn(env: unknown): Marked | undefined {
  return (env as { incoming?: Marked } | undefined)?.incoming
}

/** The requests of one `Sser`, as they come in through `serve()`. */
export class Arrivals {
  readonly #mark: () => number
  /** Event streams opened so far. */
  #opened = 0

  /** `mark` counts the entries of the log so far. */
  constructor(mark: () => number) {
    this.#mark = mark
  }

  /** The arrival of a request to this `Sser`, which its mark is of. */
  of(request: Request, env: unknown): Arrival | undefined {
    const arrival = arrivalOf(request, env)
    return arrival?.arrivals === this ? arrival : undefined
  }

  /** An event stream was opened to answer `request`. */
  opened(request: Request, env: unknown, body: EventStreamBody): void {
    this.#opened += 1
    const arrival = arrivalOf(request, env)
    if (arrival !== undefined) arrival.body = body
  }

  /** `fetch`, and each request is recorded as it comes in, with the event stream that answers it. */
  recording(fetch: FetchHandler): FetchHandler {
    return (request, env) => {
      const arrival: Arrival = { mark: this.#mark(), arrivals: this, body: undefined }
      ;(request as Marked)[ARRIVAL] = arrival
      const incoming = incomingIn(env)
      if (incoming !== undefined) incoming[ARRIVAL] = arrival
      const before = this.#opened
      // A router may make its request anew and hand on no env; other responses must not pay for a look at their body.
      const find = (response: Response) => {
        if (arrival.body === undefined && this.#opened !== before) arrival.body = eventStreamBodyOf(response)
        return response
      }
      const response = fetch(request, env)
      return isPromise(response) ? response.then(find) : find(response)
    }
  }
}
