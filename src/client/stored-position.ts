import { listenTo, type Page, VISIBILITY } from './wakes.ts'

/** The page and the key of a position in `sessionStorage`, which survives a reload. */
interface Place {
  readonly page: Page
  readonly url: string
  readonly user: string | undefined
}

/** The position that the page had before its reload. */
export function loadPosition(place: Place): string | undefined {
  return withStorage(place, (storage, key) => storage.getItem(key)) || undefined
}

/** Stores the position whenever the page may be about to end, until the returned function is called. */
export function storePosition(place: Place, position: () => string | undefined): () => void {
  return listenTo(place.page, ['pagehide', VISIBILITY], () => {
    withStorage(place, (storage, key) => storage.setItem(key, position() ?? ''))
  })
}

/** A browser may deny the storage, or it is full: the page then begins live. */
function withStorage<T>(
  { page, url, user }: Place,
  call: (storage: NonNullable<Page['sessionStorage']>, key: string) => T,
): T | undefined {
  try {
    const { sessionStorage } = page
    return sessionStorage && call(sessionStorage, `sser:${JSON.stringify([url, user])}`)
  } catch {
    return undefined
  }
}
