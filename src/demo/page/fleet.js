import { keyOf } from './position.js'

/** The Pods, as the demo's own server lists them, and the actions on them. */
export class Fleet {
  pods = []
  #turn = 0
  #onList

  constructor({ onList, onPresence }) {
    this.#onList = onList
    const changes = new EventSource('/changes?stream=pods')
    changes.addEventListener('open', () => {
      onPresence(true)
      void this.#refresh()
    })
    changes.addEventListener('message', () => void this.#refresh())
    changes.addEventListener('error', () => onPresence(false))
  }

  /** Kills or restarts a Pod; resolves when that is done. */
  async control(i, action) {
    const response = await fetch(`/pods/${i + 1}/${action}`, { method: 'POST' })
    if (!response.ok) throw new Error(await response.text())
  }

  /** Sends a message through a Pod and returns the receipt. */
  async send(i, stream, text) {
    const response = await fetch(`${this.pods[i].url}/send?stream=${stream}`, {
      method: 'POST',
      body: text,
    }).catch(() => {
      throw new Error('did not answer')
    })
    if (!response.ok) throw new Error(`answered ${response.status}`)
    const receipt = await response.json()
    return { ...receipt, key: keyOf(receipt.id) }
  }

  async #refresh() {
    this.#turn += 1
    const turn = this.#turn
    const response = await fetch('/pods').catch(() => undefined)
    if (!response?.ok) return
    const pods = await response.json()
    // A later question may have been answered first.
    if (turn !== this.#turn) return
    this.pods = pods
    this.#onList(pods)
  }
}
