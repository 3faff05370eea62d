import { tint } from './tint.js'

/** Result of the last send, in words: one line a Pod. */
export class Receipt {
  #element
  #turn = 0

  constructor(element) {
    this.#element = element
  }

  /** Starts a send through a Pod; returns a function that shows its result, unless a later send has begun. */
  begin(i, pods) {
    this.#turn += 1
    const turn = this.#turn
    this.#element.dataset.busy = ''
    if (this.#element.childElementCount === 0) this.#element.append(title(`Sending through ${pods[i].name}…`))
    const end = (heading, items) => {
      if (turn === this.#turn) this.#replace(heading, items)
    }
    return {
      show: (outcome) => end(`Sent through ${pods[i].name}`, itemsOf(i, outcome, pods)),
      fail(reason) {
        const words = `${reason}; the message may not have been sent`
        end(`No receipt from ${pods[i].name}`, [item(i, pods[i].name, 'failed', words)])
      },
    }
  }

  #replace(heading, items) {
    delete this.#element.dataset.busy
    const list = document.createElement('ul')
    list.append(...items)
    this.#element.replaceChildren(title(heading), list)
  }
}

function itemsOf(i, { connections, peers }, pods) {
  const clients = connections === 1 ? '1 client' : `${connections} clients`
  const items = [item(i, pods[i].name, 'delivered', `took it, ${clients} here`)]
  for (const { peer, status, reason } of peers) {
    const at = pods.findIndex((pod) => pod.peer === peer)
    const words = reason === undefined ? status : `${status}: ${reason}`
    items.push(item(at, pods[at]?.name ?? peer, status, words))
  }
  return items
}

function title(text) {
  const element = document.createElement('p')
  element.textContent = text
  return element
}

function item(i, name, status, words) {
  const element = document.createElement('li')
  element.dataset.status = status
  if (i >= 0) tint(element, i)
  const who = document.createElement('b')
  who.textContent = name
  const what = document.createElement('span')
  what.textContent = words
  element.append(who, ' ', what)
  return element
}
