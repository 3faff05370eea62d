/**
 * Requests, responses, headers and abort signals with the part of the web's standards that the code under test uses. The
 * runtime's own cost more than all the rest of a simulated exchange.
 */

const encoder = new TextEncoder()

/** Replaces the runtime's classes, for the whole process. */
export function installLeanWeb(): void {
  Object.assign(globalThis, {
    Headers: LeanHeaders,
    Response: LeanResponse,
    AbortController: LeanAbortController,
  })
}

/** A POST of JSON. */
export function leanRequest(url: string, body: string): Request {
  return { method: 'POST', url, headers: JSON_HEADERS, body: new LeanBody(body) } as unknown as Request
}

/** Names are kept in lower case. */
class LeanHeaders {
  readonly #values = new Map<string, string>()

  constructor(init: object = {}) {
    const entries = init instanceof LeanHeaders ? init.entries() : Object.entries(init)
    for (const [name, value] of entries) this.set(name, value)
  }

  get(name: string): string | null {
    return this.#values.get(name) ?? this.#values.get(name.toLowerCase()) ?? null
  }

  has(name: string): boolean {
    return this.get(name) !== null
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), String(value))
  }

  append(name: string, value: string): void {
    const before = this.get(name)
    this.set(name, before === null ? value : `${before}, ${value}`)
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase())
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries()
  }

  keys(): IterableIterator<string> {
    return this.#values.keys()
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }
}

const JSON_HEADERS = new LeanHeaders({ 'content-type': 'application/json' })

interface ResponseInit {
  status?: number
  headers?: object
}

class LeanResponse {
  readonly status: number
  readonly headers: LeanHeaders
  readonly #content: unknown
  #body: unknown

  constructor(content: unknown = null, { status = 200, headers }: ResponseInit = {}) {
    this.status = status
    this.headers = headers instanceof LeanHeaders ? headers : new LeanHeaders(headers)
    this.#content = content
  }

  static json(content: unknown, init?: ResponseInit): LeanResponse {
    return new LeanResponse(JSON.stringify(content), init)
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  get body(): unknown {
    if (typeof this.#content !== 'string') return this.#content
    this.#body ??= new LeanBody(this.#content)
    return this.#body
  }

  /** True, because a body in memory needs no discarding. */
  get bodyUsed(): boolean {
    return true
  }

  /** Settles after a few microtasks, as the runtime's own does, so that a seed gives the same run with either. */
  async text(): Promise<string> {
    for (let i = 0; i < 3; i += 1) await undefined
    return String(this.#content ?? '')
  }
}

/** A body that arrives in one piece. */
class LeanBody {
  #text: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  getReader(): this {
    return this
  }

  async read(): Promise<{ done: boolean; value: Uint8Array | undefined }> {
    const text = this.#text
    this.#text = undefined
    return { done: text === undefined, value: text === undefined ? undefined : encoder.encode(text) }
  }

  async cancel(): Promise<void> {
    this.#text = undefined
  }
}

class LeanAbortSignal {
  aborted = false
  reason: unknown
  readonly #listeners = new Set<() => void>()

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason
  }

  abort(reason: unknown): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    for (const listener of this.#listeners) listener()
    this.#listeners.clear()
  }
}

class LeanAbortController {
  readonly signal = new LeanAbortSignal()

  abort(reason: unknown = new DOMException('This operation was aborted', 'AbortError')): void {
    this.signal.abort(reason)
  }
}
