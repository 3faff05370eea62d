import type { TabMessage } from './messages.ts'

/** A way from a tab to the hub that it shares with other tabs. */
export interface Link {
  /** Sends a message to the hub that {@link LinkHandlers.onHub} named last. */
  post(message: TabMessage): void
  /** The hub is silent: replaces it, or its connection to this tab. */
  replaceHub(): void
  close(): void
}

/** Receives from a {@link Link}. */
export interface LinkHandlers {
  /** There is a hub that does not know this tab yet. */
  onHub(): void
  onMessage(message: unknown): void
  /** This way does not exist here. */
  onUnavailable(): void
}

/** Opens a link; undefined where the page lacks what it needs. */
export type OpenLink = (handlers: LinkHandlers) => Link | undefined
