/** One line that says which click shows the next thing; it follows the facts, whatever the user clicks. */
export class Guide {
  #element
  #gates
  #switches
  #pods = []
  #live = new Set()
  /** Browser → the events that it has not received yet, by key. */
  #missing
  /** An event that every browser has received. */
  #spread
  /** The last browser that received what it had missed, and those events. */
  #recovered
  /** The browser that received a gap instead. */
  #gapAt

  constructor(element, gates, switches) {
    this.#element = element
    this.#gates = gates
    this.#switches = switches
    this.#missing = gates.map(() => ({ events: new Map(), missed: [] }))
  }

  showPods(pods) {
    this.#pods = pods
    this.#render()
  }

  showClient(i, state) {
    if (state === 'live') this.#live.add(i)
    else this.#live.delete(i)
    this.#render()
  }

  sent(key, text) {
    if (key === undefined) return
    for (const [i, { events, missed }] of this.#missing.entries()) {
      if (events.get(nameOf(key)) === 'received') events.delete(nameOf(key))
      else events.set(nameOf(key), text)
      if (!this.#live.has(i)) missed.push(text)
    }
    this.#noteSpread(text)
    this.#render()
  }

  received(i, key, text) {
    const { events, missed } = this.#missing[i]
    // An event may overtake its receipt.
    if (!events.delete(nameOf(key))) return void events.set(nameOf(key), 'received')
    if (missed.includes(text) && waiting(events).length === 0) {
      this.#recovered = { browser: i + 1, texts: missed.splice(0) }
      this.#gapAt = undefined
    }
    this.#noteSpread(text)
    this.#render()
  }

  gap(i) {
    this.#missing[i] = { events: new Map(), missed: [] }
    this.#gapAt = i + 1
    this.#recovered = undefined
    this.#render()
  }

  end() {
    this.#point(undefined)
    this.#element.replaceChildren()
  }

  #noteSpread(text) {
    if (this.#missing.every(({ events }) => waiting(events).length === 0)) this.#spread = text
  }

  #render() {
    const [words, target] = this.#next()
    this.#point(target)
    const parts = words.split('*').map((part, i) => {
      if (i % 2 === 0) return part
      const strong = document.createElement('b')
      strong.textContent = part
      return strong
    })
    if (this.#element.textContent !== words.replaceAll('*', '')) this.#element.replaceChildren(...parts)
  }

  /** The sentence, with the label of a button between asterisks, and the button itself. */
  #next() {
    const down = this.#pods.filter(({ state }) => state === 'stopped')
    const up = this.#pods.findIndex(({ state }) => state === 'running')
    const behind = this.#missing.findIndex(({ missed }) => missed.length > 0)
    if (this.#pods.length === 0 || this.#pods.some(({ state }) => state === 'starting')) {
      return ['A Pod is starting…']
    }
    if (up === -1) return ['No Pod is running. Click *Restart* on one.', this.#switches[0]]
    const gate = this.#gates[up]
    const through = `*Send through Pod ${up + 1}*`
    if (down.length > 0) {
      const number = this.#pods.indexOf(down[0]) + 1
      if (behind === -1)
        return [`${down[0].name} is gone, and its browser is disconnected. Now click ${through}.`, gate]
      const text = quote(this.#missing[behind].missed)
      const restart = `Click *Restart* on ${down[0].name}.`
      return [`Browser ${behind + 1} has missed ${text}. ${restart}`, this.#switches[number - 1]]
    }
    if (behind !== -1) return [`Every Pod runs again. Browser ${behind + 1} reconnects in a moment…`]
    if (this.#gapAt !== undefined) {
      return [`Browser ${this.#gapAt} was away for longer than the Pods keep events, and was told so. Go on.`]
    }
    if (this.#recovered !== undefined) {
      const { browser, texts } = this.#recovered
      return [
        `Browser ${browser} got what it missed: ${quote(texts)}. Nothing is lost, and nothing came twice. Try it your way.`,
      ]
    }
    if (this.#spread === undefined) {
      const count =
        this.#pods.length === 1 ? 'The browser receives' : `All ${this.#pods.length} browsers receive`
      return [`Click ${through}. ${count} the event.`, gate]
    }
    if (this.#pods.length === 1)
      return [`The browser received ${quote([this.#spread])}. Start more with --pods 3.`]
    return [
      `Every browser received ${quote([this.#spread])}, whichever Pod it is connected to. Now click *Kill* on Pod 2.`,
      this.#switches[1],
    ]
  }

  #point(target) {
    for (const button of [...this.#gates, ...this.#switches]) {
      button.classList.toggle('next', button === target)
    }
  }
}

function waiting(events) {
  return [...events.values()].filter((text) => text !== 'received')
}

function quote(texts) {
  const last = texts.at(-1)
  const short = last.length > 40 ? `${last.slice(0, 40)}…` : last
  return texts.length === 1 ? `“${short}”` : `${texts.length} events`
}

function nameOf({ epoch, seq }) {
  return `${epoch} ${seq}`
}
