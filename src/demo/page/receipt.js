import { tint } from './tint.js'

const MAX_EARLY = 500
/** A status of a receipt, in words. */
const WORDS = {
  delivered: 'delivered',
  pending: 'no answer yet',
  failed: 'not reached; it receives the event when it is back',
}

/** Result of the last send, in words: one line a Pod. */
export class Receipt {
  #element
  #turn = 0
  /** Name of the shown event, and the line of each Pod. */
  #shown = { name: undefined, items: new Map() }
  /** Events and Pods whose delivery was seen before their receipt. */
  #early = new Set()

  constructor(element) {
    this.#element = element
  }

  /** Starts a send through a Pod; returns functions that show its result, unless a later send has begun. */
  begin(i, pods) {
    this.#turn += 1
    const turn = this.#turn
    this.#shown = { name: undefined, items: new Map() }
    this.#element.dataset.busy = ''
    if (this.#element.childElementCount === 0) this.#element.append(title(`Sending through ${pods[i].name}…`))
    const isLast = () => turn === this.#turn
    return {
      show: ({ key, connections, peers }) => {
        if (!isLast()) return
        const items = new Map([
          [i, item(i, pods[i].name, 'delivered', `accepted it; ${browsers(connections)} here`)],
        ])
        for (const { peer, status, reason } of peers) {
          const at = pods.findIndex((pod) => pod.peer === peer)
          items.set(at === -1 ? peer : at, item(at, pods[at]?.name ?? peer, status, WORDS[status], reason))
        }
        this.#replace(`Sent through ${pods[i].name}`, [...items.values()])
        if (key === undefined) return
        this.#shown = { name: nameOf(key), items }
        for (const pod of items.keys()) if (this.#early.delete(`${nameOf(key)} ${pod}`)) this.#turnItem(pod)
      },
      fail: (reason) => {
        if (!isLast()) return
        const words = `${reason}; the event may not have been sent`
        this.#replace(`No answer from ${pods[i].name}`, [item(i, pods[i].name, 'failed', words)])
      },
    }
  }

  /** A browser received the event from a Pod, so that Pod has it, whatever the receipt said before. */
  delivered(key, pod) {
    if (this.#shown.name === nameOf(key)) return this.#turnItem(pod)
    this.#early.add(`${nameOf(key)} ${pod}`)
    if (this.#early.size > MAX_EARLY) this.#early.delete(this.#early.values().next().value)
  }

  #turnItem(pod) {
    const line = this.#shown.items.get(pod)
    if (line === undefined || line.dataset.status === 'delivered') return
    line.dataset.status = 'delivered'
    line.lastChild.textContent = 'delivered after all'
    line.lastChild.title = ''
  }

  #replace(heading, items) {
    delete this.#element.dataset.busy
    const list = document.createElement('ul')
    list.append(...items)
    this.#element.replaceChildren(title(heading), list)
  }
}

function browsers(count) {
  return count === 1 ? '1 browser' : `${count} browsers`
}

function nameOf({ epoch, seq }) {
  return `${epoch} ${seq}`
}

function title(text) {
  const element = document.createElement('p')
  element.textContent = text
  return element
}

function item(i, name, status, words, reason = '') {
  const element = document.createElement('li')
  element.dataset.status = status
  if (i >= 0) tint(element, i)
  const pod = document.createElement('b')
  pod.textContent = name
  const result = document.createElement('span')
  result.textContent = words
  result.title = reason
  element.append(pod, ' ', result)
  return element
}
