import type { Settings } from './settings.ts'
import { SharedSource } from './share/shared-source.ts'
import type { Source } from './source.ts'
import { StreamSource } from './stream-source.ts'

/** Opens the source of a client: a shared one where the page can share and `settings.share` allows it. */
export function openSource(settings: Settings): Source {
  const { share, headers, user } = settings
  // Headers may name a login that other tabs do not have.
  const isShareable = share && (headers === undefined || user !== undefined) && 'document' in globalThis
  if (!isShareable) return new StreamSource(settings)
  // Apart, because pages that do not share need none of it.
  return new SharedSource(settings, async () => (await import('./share/links.ts')).linksOf(settings))
}
