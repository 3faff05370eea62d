import type { Settings } from './options.ts'
import type { Source } from './source.ts'
import { StreamSource } from './stream-source.ts'

/** Opens the source of a client: a shared one where the page can share and `settings.share` allows it. */
export function openSource(settings: Settings): Source {
  const { share, headers, user } = settings
  // Headers may name a login that other tabs do not have.
  return share && (!headers || user !== undefined) && 'document' in globalThis
    ? deferred(
        // Apart, because pages that do not share need none of it. Without it this page has a connection of its own.
        import('./share/open.ts').then(
          ({ openShared }) => openShared(settings),
          () => new StreamSource(settings),
        ),
      )
    : new StreamSource(settings)
}

/** A source whose code is still loading. It gets all calls in their order. */
function deferred(loading: Promise<Source>): Source {
  const call = (use: (source: Source) => void) => void loading.then(use)
  return {
    state: { type: 'state', state: 'connecting', error: undefined },
    listen(listener) {
      let stop: () => void
      call((source) => {
        stop = source.listen(listener)
      })
      return () => call(() => stop())
    },
    setStreams: (streams) => call((source) => source.setStreams(streams)),
    reconnect: () => call((source) => source.reconnect()),
    close: () => call((source) => source.close()),
  }
}
