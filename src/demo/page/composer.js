import { tint } from './tint.js'

/** The box for the message, and one button a Pod to send it through. */
export class Composer {
  /** The buttons, one a Pod: an event's way begins at one of them. */
  gates
  #input
  #fieldset

  constructor(form, pods, send) {
    this.#input = form.elements.message
    this.gates = pods.map(({ name }, i) => {
      const gate = document.createElement('button')
      gate.value = i
      gate.className = 'gate'
      gate.append(span('word', 'Send through '), span('pod-word', 'Pod '), `${i + 1}`)
      gate.setAttribute('aria-label', `Send through ${name}`)
      tint(gate, i)
      return gate
    })
    this.#fieldset = form.querySelector('.gates')
    this.#fieldset.style.setProperty('--pods', pods.length)
    this.#fieldset.append(...this.gates)
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#submit(Number(event.submitter?.value ?? 0), send)
    })
  }

  setEnabled(isEnabled) {
    this.#fieldset.disabled = !isEnabled
  }

  async #submit(i, send) {
    const text = this.#input.value
    this.#input.value = nextOf(text)
    const isSent = await send(i, text)
    if (!isSent && this.#input.value === nextOf(text)) this.#input.value = text
  }
}

function span(name, text) {
  const element = document.createElement('span')
  element.className = name
  element.textContent = text
  return element
}

/** "Order 1" is followed by "Order 2", so that events can be told apart without typing. */
function nextOf(text) {
  return text.replace(/\d{1,9}$/, (number) => Number(number) + 1)
}
