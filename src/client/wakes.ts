/** Why a client looks after its connection at once: the network is back, the page is shown again, or it was frozen. */
export type Wake = 'online' | 'pageshow' | 'visible'

/** The part of a page's or worker's global object that the client uses. */
export interface Page {
  addEventListener?(type: string, listener: (event: Event) => void): void
  removeEventListener?(type: string, listener: (event: Event) => void): void
  readonly document?: { readonly visibilityState: string } | undefined
  readonly sessionStorage?:
    | {
        getItem(key: string): string | null
        setItem(key: string, value: string): void
        removeItem(key: string): void
      }
    | undefined
}

/** Calls `onHide` when the page may be about to end, until the returned function is called. */
export function listenToHides(page: Page, onHide: () => void): () => void {
  const types = ['pagehide', 'visibilitychange']
  for (const type of types) page.addEventListener?.(type, onHide)
  return () => {
    for (const type of types) page.removeEventListener?.(type, onHide)
  }
}

/** Calls `onWake` until the returned function is called. Does nothing in a runtime without a page. */
export function listenToWakes(page: Page, onWake: (wake: Wake) => void): () => void {
  const listener = ({ type, persisted }: Event & { persisted?: boolean }) => {
    if (type === 'online') onWake('online')
    // A page that was loaded anew shows itself as well.
    else if (type === 'pageshow') persisted && onWake('pageshow')
    else if (page.document?.visibilityState === 'visible') onWake('visible')
  }
  const types = ['online', 'pageshow', 'visibilitychange']
  for (const type of types) page.addEventListener?.(type, listener)
  return () => {
    for (const type of types) page.removeEventListener?.(type, listener)
  }
}
