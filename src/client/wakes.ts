/** Why a client looks after its connection at once: the network is back, the page is shown again, or it was frozen. */
export type Wake = 'online' | 'pageshow' | 'visibilitychange'

export const VISIBILITY = 'visibilitychange'

type PageEvent = Event & { persisted?: boolean }

/** The part of a page's or worker's global object that the client uses. */
export interface Page {
  addEventListener?(type: string, listener: (event: Event) => void): void
  removeEventListener?(type: string, listener: (event: Event) => void): void
  readonly document?: { readonly visibilityState: string } | undefined
  readonly sessionStorage?:
    | {
        getItem(key: string): string | null
        setItem(key: string, value: string): void
      }
    | undefined
}

/** Calls `listener` for events of the page until the returned function is called. Does nothing in a runtime without a page. */
export function listenTo(page: Page, types: readonly string[], listener: (event: Event) => void): () => void {
  for (const type of types) page.addEventListener?.(type, listener)
  return () => {
    for (const type of types) page.removeEventListener?.(type, listener)
  }
}

/** Calls `onWake` until the returned function is called. */
export function listenToWakes(page: Page, onWake: (wake: Wake) => void): () => void {
  return listenTo(page, ['online', 'pageshow', VISIBILITY], ({ type, persisted }: PageEvent) => {
    // A page that was loaded anew shows itself as well.
    const isWake =
      type === VISIBILITY ? page.document?.visibilityState === 'visible' : type !== 'pageshow' || persisted
    if (isWake) onWake(type as Wake)
  })
}
