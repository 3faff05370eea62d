const LIMIT = 500

/**
 * An event's path, drawn from known facts: the send, the receipt's result for each peer, and that a client
 * received it. A dot moves slower than an event, so each leg waits for the one before it; none is drawn unless the
 * event took it.
 */
export class Journeys {
  #drawing
  /** Pod → its last event's way from the button. */
  #drops = new Map()
  /** Events' ways between two Pods. */
  #legs = new Map()

  constructor(drawing) {
    this.#drawing = drawing
  }

  /** A send through a Pod began; `answer` brings its receipt, `podOf` finds the Pod of a peer in it. */
  sent(from, answer, podOf) {
    const drop = this.#drawing.fly(`gate ${from}`, `pod ${from}`, from)
    this.#drops.set(from, drop)
    answer.then(
      ({ key, peers }) => this.#spread(from, key, peers, podOf),
      () => void drop.then(() => this.#drawing.fail(`pod ${from}`)),
    )
  }

  /** A client received an event from the Pod that it listens on. */
  async arrived(client, pod, { key, from }) {
    if (from !== undefined) await (from === pod ? this.#drops.get(from) : this.#leg(from, pod, key))
    await this.#drawing.fly(`pod ${pod}`, `client ${client}`, from)
  }

  #spread(from, key, peers, podOf) {
    for (const { peer, status } of peers) {
      const to = podOf(peer)
      if (to === -1) continue
      if (status === 'delivered' && key !== undefined) void this.#leg(from, to, key)
      if (status === 'delivered') continue
      void this.#drops.get(from).then(() => this.#drawing.flyInVain(`pod ${from}`, `pod ${to}`, from, status))
    }
  }

  #leg(from, to, { epoch, seq }) {
    const name = `${epoch} ${seq} ${to}`
    const known = this.#legs.get(name)
    if (known !== undefined) return known
    const fly = () => this.#drawing.fly(`pod ${from}`, `pod ${to}`, from)
    const leg = Promise.resolve(this.#drops.get(from)).then(fly)
    this.#legs.set(name, leg)
    if (this.#legs.size > LIMIT) this.#legs.delete(this.#legs.keys().next().value)
    return leg
  }
}
