const LIMIT = 1_000

/** Events that the page knows: sent by this page, through which Pod, and when first received. */
export class Ledger {
  /** Epoch → its Pod, learned from receipts. */
  #origins = new Map()
  /** The events that were sent from this page. */
  #sent = new Map()
  #firstHeard = new Map()
  /** Sends that have no receipt yet. */
  #open = new Set()

  /** A send through a Pod began; `answer` brings its receipt. */
  open(from, answer) {
    const done = answer.then(
      ({ key }) => {
        if (key === undefined) return
        this.#origins.set(key.epoch, from)
        remember(this.#sent, nameOf(key), true)
        this.#hear(key, performance.now())
      },
      () => {},
    )
    this.#open.add(done)
    void done.then(() => this.#open.delete(done))
  }

  /**
   * Which event a client received, of those that its id may stand for, and through which Pod it was sent. Both stay
   * unknown where another program sent it and nothing here tells.
   */
  async identify(candidates, { receivedAt, connectedAt }) {
    const isClear = candidates.length === 1 && this.#origins.has(candidates[0].epoch)
    // An event overtakes its receipt.
    if (!isClear) await Promise.all(this.#open)
    const key =
      candidates.length === 1 ? candidates[0] : candidates.find((one) => this.#sent.has(nameOf(one)))
    if (key === undefined) return { isReplayed: false }
    const isReplayed = this.#hear(key, receivedAt) < connectedAt
    return { key, from: this.#origins.get(key.epoch), isReplayed }
  }

  /** Returns when the event was first heard of. */
  #hear(key, now) {
    const name = nameOf(key)
    const first = Math.min(now, this.#firstHeard.get(name) ?? now)
    remember(this.#firstHeard, name, first)
    return first
  }
}

function nameOf({ epoch, seq }) {
  return `${epoch} ${seq}`
}

function remember(map, name, value) {
  map.set(name, value)
  if (map.size > LIMIT) map.delete(map.keys().next().value)
}
