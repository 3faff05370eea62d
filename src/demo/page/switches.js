import { tint } from './tint.js'

/** The button at each Pod of the drawing: it kills a running Pod, and restarts one that has ended. */
export class Switches {
  buttons
  #actions

  constructor(parent, pods, control) {
    this.#actions = pods.map(() => 'kill')
    this.buttons = pods.map((_, i) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.className = 'switch'
      tint(button, i)
      button.addEventListener('click', () => control(i, this.#actions[i]))
      return button
    })
    parent.append(...this.buttons)
  }

  show(i, { name, state, reason }) {
    const button = this.buttons[i]
    this.#actions[i] = state === 'running' ? 'kill' : 'restart'
    const labels = { running: 'Kill', stopped: 'Restart', starting: 'Starting', gone: 'Gone' }
    button.textContent = labels[state]
    button.disabled = state === 'starting' || state === 'gone'
    button.dataset.state = state
    button.setAttribute('aria-label', `${labels[state]} ${name}`)
    button.title = state === 'stopped' ? `${name} has ended: ${reason}` : ''
  }
}
