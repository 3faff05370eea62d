import { createInterface } from 'node:readline'
import { Agent, type Dispatcher, request } from 'undici'

const ANSWER_MS = 10_000

/** Fields that every object of the API has, as far as the rig reads them. */
export interface ApiObject {
  metadata: {
    name: string
    namespace?: string
    uid: string
    resourceVersion: string
    generation?: number
    labels?: Record<string, string>
    annotations?: Record<string, string>
    deletionTimestamp?: string
    deletionGracePeriodSeconds?: number
  }
}

export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR'
  object: T
}

export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Client of the apiserver, with the rights of an administrator, on the host side. */
export class Api {
  readonly url: string
  readonly #headers: Record<string, string>
  readonly #dispatcher: Agent

  constructor(url: string, token: string, ca: string) {
    this.url = url
    this.#headers = { authorization: `Bearer ${token}` }
    this.#dispatcher = new Agent({ allowH2: false, connect: { ca, timeout: ANSWER_MS } })
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#ask('GET', path)) as T
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return (await this.#ask('POST', path, body)) as T
  }

  /** Merges lists such as conditions by the key of their elements, as the kubelet's patches do. */
  async patch(path: string, body: unknown): Promise<void> {
    await this.#ask('PATCH', path, body, 'application/strategic-merge-patch+json')
  }

  async delete(path: string, options: unknown = {}): Promise<void> {
    await this.#ask('DELETE', path, options)
  }

  /** Yields the events of a watch, until the server or the signal ends it. */
  async *watch<T>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const options = { headers: this.#headers, dispatcher: this.#dispatcher, bodyTimeout: 0, signal }
    const { statusCode, body } = await request(this.url + path, options)
    if (statusCode !== 200) throw new ApiError(statusCode, await body.text())
    for await (const line of createInterface({ input: body })) yield JSON.parse(line)
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy()
  }

  async #ask(
    method: Dispatcher.HttpMethod,
    path: string,
    content?: unknown,
    type = 'application/json',
  ): Promise<unknown> {
    const { statusCode, body } = await request(this.url + path, {
      method,
      headers: { ...this.#headers, 'content-type': type },
      body: content === undefined ? null : JSON.stringify(content),
      dispatcher: this.#dispatcher,
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const text = await body.text()
    if (statusCode >= 300) throw new ApiError(statusCode, `${method} ${path}: ${statusCode} ${text}`)
    return text === '' || text === 'ok' ? undefined : JSON.parse(text)
  }
}
