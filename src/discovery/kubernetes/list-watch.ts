import type { Clock } from '../../clock.ts'
import {
  type ApiObject,
  type Page,
  ProtocolError,
  read,
  readEvent,
  readPage,
  StatusError,
} from './api-objects.ts'
import {
  type ApiResponse,
  type ApiTransport,
  RequestDeadline,
  readLines,
  readText,
  TooLongError,
} from './api-transport.ts'
import type { PeerSource } from './peer-source.ts'

/** Limits of a list: time per page, objects per page, pages, and bytes per response. */
const LIST_MS = 30_000
const PAGE_OBJECTS = 500
const MAX_PAGES = 1_000
const LIST_BYTES = 67_108_864
/** Maximum bytes of an event. The API server stores no object larger than about 1.5 MiB. */
const EVENT_BYTES = 8_388_608
/** Time after which a watch that outlives its `timeoutSeconds` is cut off. */
const WATCH_GRACE_MS = 15_000
/** Silence after which a connection counts as dead, if the server has sent a bookmark: it sends one every minute. */
const SILENCE_MS = 150_000

/** All objects at one version. */
export interface ListResult<T> {
  /** By UID. */
  objects: Map<string, T>
  version: string
}

/** An event of a watch: an object's change, or a bookmark, which confirms the known objects up to a version. */
export type Change<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T; version: string }
  | { type: 'BOOKMARK'; version: string }

export interface ListWatchOptions<T extends ApiObject> {
  source: PeerSource<T>
  transport: ApiTransport
  clock: Clock
}

/** Lists and watches the objects of one resource in one namespace, as client-go's ListWatch does. */
export class ListWatch<T extends ApiObject> {
  /** Difference between the server's clock and ours, in milliseconds. NaN if the server sends no `Date`. */
  serverOffset: number = Number.NaN
  readonly #options: ListWatchOptions<T>
  /** Set after a list exceeded `LIST_BYTES`: later lists come from the storage, which supports pages. */
  #isLarge = false

  constructor(options: ListWatchOptions<T>) {
    this.#options = options
  }

  /**
   * Lists all objects, not older than the version `from`: '0' allows any cached version, '' reads from the storage.
   * @throws StatusError; ProtocolError; the error of the connection.
   */
  async list(from: string, signal: AbortSignal): Promise<ListResult<T>> {
    // A minimum version is served from the server's cache, which has no pages.
    if (this.#isLarge) return this.#readPages('', PAGE_OBJECTS, signal)
    if (from !== '' && from !== '0') return this.#readPages(from, undefined, signal)
    return this.#readPages(from, PAGE_OBJECTS, signal)
  }

  /** Resolves when the server has accepted a watch of changes after `version`. It lasts `seconds`. @throws as `list()`. */
  async watch(version: string, seconds: number, signal: AbortSignal): Promise<AsyncGenerator<Change<T>>> {
    const deadline = new RequestDeadline(this.#options.clock, signal)
    try {
      deadline.abortAfter(seconds * 1_000 + WATCH_GRACE_MS, `The watch did not end after its ${seconds} s`)
      const response = await this.#get(
        {
          watch: '1',
          resourceVersion: version,
          allowWatchBookmarks: 'true',
          timeoutSeconds: `${seconds}`,
        },
        deadline,
      )
      return this.#readChanges(response, deadline)
    } catch (error) {
      deadline.end()
      throw error
    }
  }

  async *#readChanges({ body }: ApiResponse, deadline: RequestDeadline): AsyncGenerator<Change<T>> {
    try {
      let cancelSilence = () => {}
      let hasBookmarks = false
      for await (const line of readLines(body, EVENT_BYTES)) {
        const event = readEvent(line)
        cancelSilence()
        hasBookmarks ||= event.type === 'BOOKMARK'
        if (hasBookmarks)
          cancelSilence = deadline.abortAfter(SILENCE_MS, `Nothing came for ${SILENCE_MS / 1_000} s`)
        if (event.type === 'BOOKMARK') {
          yield event
        } else {
          const object = this.#read(event.object)
          yield { type: event.type, object, version: object.metadata.resourceVersion }
        }
      }
    } finally {
      deadline.end()
    }
  }

  async #readPages(from: string, limit: number | undefined, signal: AbortSignal): Promise<ListResult<T>> {
    const objects = new Map<string, T>()
    const seen = new Set<string>()
    let next = ''
    for (;;) {
      const page = await this.#readPage(from, limit, next, signal).catch((error: unknown) => {
        // The continue token has expired, because the server has compacted its version.
        if (next !== '' && error instanceof StatusError && error.code === 410) return undefined
        throw error
      })
      if (page === undefined) return this.#readPages(from, undefined, signal)
      for (const item of page.items) {
        const object = this.#read(item)
        objects.set(object.metadata.uid, object)
      }
      if (page.next === '') return { objects, version: page.version }
      next = page.next
      if (seen.has(next) || seen.size + 1 >= MAX_PAGES)
        throw new ProtocolError(`A list without end: ${seen.size + 1} pages`)
      seen.add(next)
    }
  }

  async #readPage(from: string, limit: number | undefined, next: string, signal: AbortSignal): Promise<Page> {
    const deadline = new RequestDeadline(this.#options.clock, signal)
    try {
      deadline.abortAfter(LIST_MS, `No whole list within ${LIST_MS / 1_000} s`)
      const query = {
        ...(next === '' ? { resourceVersion: from } : { continue: next }),
        ...(limit === undefined ? {} : { limit: `${limit}` }),
      }
      const { body } = await this.#get(query, deadline)
      return readPage(await readText(body, LIST_BYTES))
    } catch (error) {
      this.#isLarge ||= error instanceof TooLongError
      throw error
    } finally {
      deadline.end()
    }
  }

  async #get(query: Record<string, string>, deadline: RequestDeadline): Promise<ApiResponse> {
    const { clock, source, transport } = this.#options
    const root = source.group === '' ? '/api/v1' : `/apis/${source.group}/v1`
    const search = new URLSearchParams({ ...source.selectors, ...query })
    const pathOf = (namespace: string) => `${root}/namespaces/${namespace}/${source.resource}?${search}`
    const response = await transport.get(pathOf, deadline)
    this.serverOffset = response.date - clock.now()
    return response
  }

  #read(object: unknown): T {
    const { source } = this.#options
    return read(source.schema, object, `one of the ${source.resource}`)
  }
}
