import type { Clock } from '../../clock.ts'
import { type ApiObject, type Page, ProtocolError, read, readEvent, readPage, StatusError } from './answer.ts'
import type { Kind } from './kind.ts'
import { Limits } from './limits.ts'
import { type Answer, readLines, readText, TooLongError, type Transport } from './transport.ts'

/** How long one page of a list may take, how many objects and pages are asked for, and how much may come at once. */
const LIST_MS = 30_000
const PAGE_OBJECTS = 500
const MOST_PAGES = 1_000
const LIST_BYTES = 67_108_864
/** The longest event. The API server's storage takes no object of more than about 1.5 MiB. */
const EVENT_BYTES = 8_388_608
/** A watch that does not end when it was to is cut off. */
const WATCH_GRACE_MS = 15_000
/** Bookmarks come once a minute, from servers that send any: without a word for so long, the line is dead. */
const SILENCE_MS = 150_000

/** Everything that there is, at one version. */
export interface Listed<T> {
  /** By UID. */
  objects: Map<string, T>
  version: string
}

/** What a watch tells: an object's change, or only that all is as known up to a version. */
export type Change<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T; version: string }
  | { type: 'BOOKMARK'; version: string }

export interface CollectionOptions<T extends ApiObject> {
  kind: Kind<T>
  transport: Transport
  clock: Clock
}

/** The API server's objects of one kind in one namespace: to be listed, and watched. */
export class Collection<T extends ApiObject> {
  /** What is to be added to the clock's time to have the server's. NaN where the server does not tell. */
  serverOffset: number = Number.NaN
  readonly #options: CollectionOptions<T>
  /** More than may come at once: from here on only the storage is asked, which gives it in pages. */
  #isLarge = false

  constructor(options: CollectionOptions<T>) {
    this.#options = options
  }

  /**
   * Everything, not older than the version `from`: '0' is whatever a cache holds, '' the storage's own truth.
   * @throws what the connection fails with; StatusError; ProtocolError.
   */
  async list(from: string, signal: AbortSignal): Promise<Listed<T>> {
    // A list that must be as new as one already seen comes from the server's cache, which knows no pages.
    if (this.#isLarge) return this.#readPages('', PAGE_OBJECTS, signal)
    if (from !== '' && from !== '0') return this.#readPages(from, undefined, signal)
    return this.#readPages(from, PAGE_OBJECTS, signal)
  }

  /** Resolves when the server begins to tell every change after `version`, for so many seconds. @throws as `list()`. */
  async watch(version: string, seconds: number, signal: AbortSignal): Promise<AsyncGenerator<Change<T>>> {
    const limits = new Limits(this.#options.clock, signal)
    try {
      limits.after(seconds * 1_000 + WATCH_GRACE_MS, `The watch did not end after its ${seconds} s`)
      const answer = await this.#get(
        {
          watch: '1',
          resourceVersion: version,
          allowWatchBookmarks: 'true',
          timeoutSeconds: `${seconds}`,
        },
        limits,
      )
      return this.#readChanges(answer, limits)
    } catch (error) {
      limits.end()
      throw error
    }
  }

  async *#readChanges({ body }: Answer, limits: Limits): AsyncGenerator<Change<T>> {
    try {
      let heard = () => {}
      let hasBookmarks = false
      for await (const line of readLines(body, EVENT_BYTES)) {
        const event = readEvent(line)
        heard()
        hasBookmarks ||= event.type === 'BOOKMARK'
        if (hasBookmarks) heard = limits.after(SILENCE_MS, `Nothing came for ${SILENCE_MS / 1_000} s`)
        if (event.type === 'BOOKMARK') {
          yield event
        } else {
          const object = this.#read(event.object)
          yield { type: event.type, object, version: object.metadata.resourceVersion }
        }
      }
    } finally {
      limits.end()
    }
  }

  async #readPages(from: string, limit: number | undefined, signal: AbortSignal): Promise<Listed<T>> {
    const objects = new Map<string, T>()
    const seen = new Set<string>()
    let next = ''
    for (;;) {
      const page = await this.#readPage(from, limit, next, signal).catch((error: unknown) => {
        // The pages that are left are of a version that the server has forgotten.
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
      if (seen.has(next) || seen.size + 1 >= MOST_PAGES)
        throw new ProtocolError(`A list without end: ${seen.size + 1} pages`)
      seen.add(next)
    }
  }

  async #readPage(from: string, limit: number | undefined, next: string, signal: AbortSignal): Promise<Page> {
    const limits = new Limits(this.#options.clock, signal)
    try {
      limits.after(LIST_MS, `No whole list within ${LIST_MS / 1_000} s`)
      const query = {
        ...(next === '' ? { resourceVersion: from } : { continue: next }),
        ...(limit === undefined ? {} : { limit: `${limit}` }),
      }
      const { body } = await this.#get(query, limits)
      return readPage(await readText(body, LIST_BYTES))
    } catch (error) {
      this.#isLarge ||= error instanceof TooLongError
      throw error
    } finally {
      limits.end()
    }
  }

  async #get(query: Record<string, string>, limits: Limits): Promise<Answer> {
    const { clock, kind, transport } = this.#options
    const root = kind.group === '' ? '/api/v1' : `/apis/${kind.group}/v1`
    const search = new URLSearchParams({ ...kind.selectors, ...query })
    const pathOf = (namespace: string) => `${root}/namespaces/${namespace}/${kind.resource}?${search}`
    const answer = await transport.get(pathOf, limits)
    this.serverOffset = answer.date - clock.now()
    return answer
  }

  #read(object: unknown): T {
    const { kind } = this.#options
    return read(kind.schema, object, `one of the ${kind.resource}`)
  }
}
