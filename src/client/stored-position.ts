import type { Page } from './wakes.ts'

/** The position of a page in `sessionStorage`, which survives a reload. */
export class StoredPosition {
  readonly #page: Page
  readonly #key: string

  constructor(page: Page, url: string, user: string | undefined) {
    this.#page = page
    this.#key = `sser:${JSON.stringify([url, user ?? ''])}`
  }

  load(): string | undefined {
    return this.#try((storage) => storage.getItem(this.#key)) ?? undefined
  }

  save(position: string | undefined): void {
    this.#try((storage) => {
      if (position === undefined) storage.removeItem(this.#key)
      else storage.setItem(this.#key, position)
    })
  }

  /** A browser may deny the storage, or it is full: the page then begins live. */
  #try<T>(call: (storage: NonNullable<Page['sessionStorage']>) => T): T | undefined {
    try {
      const { sessionStorage } = this.#page
      return sessionStorage && call(sessionStorage)
    } catch {
      return undefined
    }
  }
}
