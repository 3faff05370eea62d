import type { SourceItem } from '../source.ts'

/**
 * Messages between the tabs and the hub, which has their connection. They cross `postMessage()`, and other scripts of the
 * origin can send to the same channels, so each side checks them and ignores the others.
 */

/** Part of the names of workers, locks and channels: tabs of versions with other messages share nothing. */
export const PROTOCOL = 'sser 1'

/** A tab asks for its streams, from `position` on. */
export interface JoinMessage {
  readonly type: 'join'
  /** Counts the joins of this tab: items for an earlier join come too late. */
  readonly session: number
  readonly streams: readonly string[]
  readonly position: string | undefined
  /** True if the hub has to ask the tab for headers. */
  readonly hasHeaders: boolean
  readonly heartbeatMs: number
}

/** A message of a tab to the hub. */
export type TabMessage =
  | JoinMessage
  | { readonly type: 'streams'; readonly streams: readonly string[] }
  | { readonly type: 'ack'; readonly session: number; readonly count: number }
  | {
      readonly type: 'headers'
      readonly request: number
      readonly headers: readonly (readonly [string, string])[] | undefined
      readonly error: string | undefined
    }
  | { readonly type: 'reconnect' }
  | { readonly type: 'leave' }

/** A message of the hub to a tab. */
export type HubMessage =
  | {
      readonly type: 'items'
      readonly session: number
      readonly items: readonly SourceItem[]
      /** True if the tab has to acknowledge them. */
      readonly asksAck: boolean
    }
  | { readonly type: 'headers'; readonly request: number; readonly status: number | undefined }
  /** The tab needs a connection of its own. */
  | { readonly type: 'own'; readonly session: number }

type Check = (value: unknown) => boolean
const isNumber: Check = (value) => typeof value === 'number'
const isString: Check = (value) => typeof value === 'string'
const isBoolean: Check = (value) => typeof value === 'boolean'
const isMaybe =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)

type Shape = readonly (readonly [string, Check])[]
const shape = (checks: Record<string, Check>): Shape => Object.entries(checks)

const TAB_MESSAGES: Record<string, Shape> = {
  join: shape({
    session: isNumber,
    streams: isListOf(isString),
    position: isMaybe(isString),
    hasHeaders: isBoolean,
    heartbeatMs: isNumber,
  }),
  streams: shape({ streams: isListOf(isString) }),
  ack: shape({ session: isNumber, count: isNumber }),
  headers: shape({
    request: isNumber,
    headers: isMaybe(isListOf(isListOf(isString))),
    error: isMaybe(isString),
  }),
  reconnect: [],
  leave: [],
}

const ITEMS: Record<string, Shape> = {
  event: shape({ stream: isString, event: isMaybe(isString), data: isString, id: isMaybe(isString) }),
  open: shape({ streams: isListOf(isString), id: isMaybe(isString) }),
  gap: shape({ reason: isString, id: isMaybe(isString) }),
  position: shape({ id: isMaybe(isString) }),
  state: shape({ state: isString }),
}

const HUB_MESSAGES: Record<string, Shape> = {
  items: shape({ session: isNumber, items: isListOf((item) => conforms(item, ITEMS)), asksAck: isBoolean }),
  headers: shape({ request: isNumber, status: isMaybe(isNumber) }),
  own: shape({ session: isNumber }),
}

export function isTabMessage(value: unknown): value is TabMessage {
  return conforms(value, TAB_MESSAGES)
}

export function isHubMessage(value: unknown): value is HubMessage {
  return conforms(value, HUB_MESSAGES)
}

function conforms(value: unknown, shapes: Record<string, Shape>): boolean {
  if (typeof value !== 'object' || value === null) return false
  const fields = value as Record<string, unknown>
  const { type } = fields
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return false
  return (shapes[type] as Shape).every(([name, check]) => check(fields[name]))
}

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
