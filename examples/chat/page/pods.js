const template = document.querySelector('#pod')

/** The Pods: what each does, and a button that kills it. Dispatches `change` after a kill. */
export class Pods extends EventTarget {
  #element
  #states = []

  constructor(element) {
    super()
    this.#element = element
  }

  some(state) {
    return this.#states.some((pod) => pod.state === state)
  }

  show(states) {
    this.#states = states
    for (const { number, state } of states) {
      const card = this.#element.children[number - 1] ?? this.#add(number)
      card.dataset.state = state
      card.querySelector('button').disabled = state !== 'running'
    }
  }

  showWork(chats) {
    for (const { number, state } of this.#states) {
      const card = this.#element.children[number - 1]
      const names = (found) => found.map((chat) => `chat ${chat.number}`).join(' and ')
      const written = chats.filter((chat) => chat.isRunning && chat.pod === number)
      const read = chats.filter((chat) => chat.isRunning && chat.deliveredBy === number)
      const parts = []
      if (written.length > 0) parts.push(`writes ${names(written)}`)
      if (read.length > 0) parts.push(`delivers ${names(read)}`)
      const work =
        state === 'running' ? parts.join(', ') || 'idle' : state === 'killed' ? 'killed' : 'starting'
      const line = card.querySelector('.work')
      if (line.textContent !== work) line.textContent = work
      card.toggleAttribute('data-writes', written.length > 0 && state === 'running')
    }
  }

  #add(number) {
    const card = template.content.firstElementChild.cloneNode(true)
    card.dataset.pod = number
    card.querySelector('text').textContent = number
    card.querySelector('h2').textContent = `Pod ${number}`
    const button = card.querySelector('button')
    button.setAttribute('aria-label', `Kill Pod ${number}`)
    button.onclick = async () => {
      await fetch(`pods/${number}/kill`, { method: 'POST' })
      this.dispatchEvent(new Event('change'))
    }
    this.#element.append(card)
    return card
  }
}
