import type { Settings } from '../options.ts'
import type { Source } from '../source.ts'
import { LockLink } from './lock-link.ts'
import { type OpenLink, PROTOCOL } from './messages.ts'
import { SharedSource } from './shared-source.ts'
import { type SharedWorkerLike, WorkerLink } from './worker-link.ts'

/** Declared here, because a worker, which has neither, is checked without them. */
declare const SharedWorker: new (url: URL, options: { type: 'module'; name: string }) => SharedWorkerLike
declare const document: { readonly baseURI: string }

/** Opens a source that tabs share. */
export function openShared(settings: Settings): Source {
  return new SharedSource(settings, linksOf(settings))
}

/** The ways to share a connection here, the best one first. */
function linksOf(settings: Settings): OpenLink[] {
  const name = shareKey(settings, document.baseURI)
  // Only a secure context has locks.
  const { locks } = navigator as { locks?: LockManager }
  // Bundlers recognize this expression, and emit the script.
  const openWorker = () => new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module', name })
  return [
    (handlers) => {
      if (typeof SharedWorker === 'undefined') return undefined
      try {
        return new WorkerLink(name, { openWorker, locks }, settings.clock, handlers)
      } catch {
        // A script of another origin, or a Content-Security-Policy without it.
        return undefined
      }
    },
    (handlers) => {
      if (locks === undefined || typeof BroadcastChannel === 'undefined') return undefined
      return new LockLink(settings, name, { locks, BroadcastChannel }, handlers)
    },
  ]
}

/** Name of the worker, lock and channels of the tabs that share a connection: equal for the same requests of the same user. */
function shareKey({ url, user, credentials, headers }: Settings, base: string): string {
  return JSON.stringify([
    PROTOCOL,
    new URL(url, base).href,
    user ?? '',
    credentials ?? '',
    headers !== undefined,
  ])
}
