import { keysBetween } from './position.js'

/** After the browser gave up on a connection for good, a new one is tried this much later. */
const AGAIN_MS = 2_000

/**
 * A client: a native EventSource and its events. Not `sser/client`, because the page shows the id of each heartbeat, which that
 * client keeps to itself, and moves a client to a Pod of the user's choice.
 */
export class Listener {
  #url
  #tell
  #source
  #again
  #lastId = ''
  #connectedAt = 0

  constructor(url, tell) {
    this.#url = url
    this.#tell = tell
    this.#connect()
  }

  /** Goes on at another Pod. A native EventSource keeps to its URL, so it takes a new one, which says where it was. */
  moveTo(url) {
    this.#source.close()
    clearTimeout(this.#again)
    this.#url = url
    this.#tell.onState('connecting')
    this.#connect()
  }

  #connect() {
    const resume = this.#lastId === '' ? '' : `&lastEventId=${encodeURIComponent(this.#lastId)}`
    const source = new EventSource(this.#url + resume)
    this.#source = source
    source.addEventListener('open', () => {
      this.#connectedAt = performance.now()
      this.#tell.onState('live')
    })
    source.addEventListener('error', () => {
      this.#tell.onState('reconnecting')
      if (source.readyState === EventSource.CLOSED) this.#again = setTimeout(() => this.#connect(), AGAIN_MS)
    })
    source.addEventListener('message', ({ data, lastEventId }) => {
      const candidates = keysBetween(this.#lastId, lastEventId)
      this.#standAt(lastEventId)
      const times = { receivedAt: performance.now(), connectedAt: this.#connectedAt }
      this.#tell.onEvent({ text: data, candidates, times })
    })
    source.addEventListener('sser-position', ({ lastEventId }) => this.#standAt(lastEventId))
    source.addEventListener('sser-gap', ({ data, lastEventId }) => {
      this.#standAt(lastEventId)
      this.#tell.onGap(reasonIn(data))
    })
  }

  #standAt(id) {
    this.#lastId = id
    this.#tell.onId(id)
  }
}

function reasonIn(data) {
  try {
    return String(JSON.parse(data).reason)
  } catch {
    return ''
  }
}
