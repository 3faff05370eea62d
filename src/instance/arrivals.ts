/** Remembers where the log stood when a request came in, before any middleware of the app. */
export class Arrivals {
  readonly #mark: () => number
  readonly #key = Symbol('sser arrival')

  /** `mark` counts the entries of the log so far. */
  constructor(mark: () => number) {
    this.#mark = mark
  }

  /** A request comes in. Its mark also stands on Node's own request, because a router may make another `Request` of it. */
  note(request: Request, env: unknown): void {
    const mark = this.#mark()
    ;(request as unknown as Marked)[this.#key] = mark
    const incoming = (env as { incoming?: Marked } | undefined)?.incoming
    if (incoming !== undefined) incoming[this.#key] = mark
  }

  /** The mark of a request. Undefined: `serve()` has not handed it to the app. */
  of(request: Request, env: unknown): number | undefined {
    return (
      (request as unknown as Marked)[this.#key] ??
      (env as { incoming?: Marked } | undefined)?.incoming?.[this.#key]
    )
  }
}

/** By the `Sser` that they belong to: `serve()` finds them there, and users do not. */
const registered = new WeakMap<object, Arrivals>()

export function registerArrivals(sser: object, arrivals: Arrivals): void {
  registered.set(sser, arrivals)
}

/** `fetch`, and each request is noted as it comes in. */
export function notingArrivals<Env>(
  sser: object,
  fetch: (request: Request, env?: Env) => Response | Promise<Response>,
): (request: Request, env?: Env) => Response | Promise<Response> {
  const arrivals = registered.get(sser)
  if (arrivals === undefined) return fetch
  return (request, env) => {
    arrivals.note(request, env)
    return fetch(request, env)
  }
}

type Marked = { [key: symbol]: number | undefined }
