import { setTimeout as delay } from 'node:timers/promises'
import type { Api, ApiObject } from './api.ts'

const AGAIN_MS = 200

interface List<T> {
  metadata: { resourceVersion: string }
  items: T[]
}

export type Change = 'set' | 'deleted'

/**
 * The current objects of one kind, by list and watch, as in client-go. It lists again after every end and error of a
 * watch: correct and simple, but suitable for few objects only, and no model for a library.
 */
export class Informer<T extends ApiObject> {
  /** Objects by UID. */
  readonly objects = new Map<string, T>()
  readonly #api: Api
  readonly #path: string
  readonly #onChange: (object: T, change: Change) => void
  readonly #stopping = new AbortController()

  private constructor(api: Api, path: string, onChange: (object: T, change: Change) => void) {
    this.#api = api
    this.#path = path
    this.#onChange = onChange
  }

  /** Resolves after the first list. */
  static async of<T extends ApiObject>(
    api: Api,
    path: string,
    onChange: (object: T, change: Change) => void = () => {},
  ): Promise<Informer<T>> {
    const informer = new Informer(api, path, onChange)
    const version = await informer.#list()
    void informer.#follow(version)
    return informer
  }

  stop(): void {
    this.#stopping.abort()
  }

  async #follow(version: string): Promise<void> {
    let from = version
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#watch(from)
      } catch {
        await delay(AGAIN_MS)
      }
      from = await this.#list().catch(() => from)
    }
  }

  async #list(): Promise<string> {
    const { metadata, items } = await this.#api.get<List<T>>(this.#path)
    const uids = new Set(items.map((item) => item.metadata.uid))
    for (const [uid, object] of this.objects) if (!uids.has(uid)) this.#change(object, 'deleted')
    for (const item of items) {
      if (this.objects.get(item.metadata.uid)?.metadata.resourceVersion !== item.metadata.resourceVersion) {
        this.#change(item, 'set')
      }
    }
    return metadata.resourceVersion
  }

  async #watch(from: string): Promise<void> {
    const query = `${this.#path.includes('?') ? '&' : '?'}watch=1&resourceVersion=${from}`
    for await (const { type, object } of this.#api.watch<T>(this.#path + query, this.#stopping.signal)) {
      if (type === 'ERROR') return
      this.#change(object, type === 'DELETED' ? 'deleted' : 'set')
    }
  }

  #change(object: T, change: Change): void {
    if (this.#stopping.signal.aborted) return
    if (change === 'set') this.objects.set(object.metadata.uid, object)
    else this.objects.delete(object.metadata.uid)
    this.#onChange(object, change)
  }
}
