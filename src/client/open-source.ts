import type { Settings } from './settings.ts'
import type { Source } from './source.ts'
import { StreamSource } from './stream-source.ts'

/** Opens the source of a client: a shared one where the page can share and `settings.share` allows it. */
export function openSource(settings: Settings): Source {
  return new StreamSource(settings)
}
