import { tint } from './tint.js'

const MAX_ROWS = 50
const template = document.querySelector('#panel')
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/** One Pod and its client: their states, and the received events. */
export class Panel {
  element
  #events
  #parts

  constructor(i, { onKill, onRestart, onMove }) {
    this.element = template.content.cloneNode(true).querySelector('.panel')
    tint(this.element, i)
    const part = (name) => this.element.querySelector(name)
    this.#events = part('.events')
    // It scrolls, so the keyboard has to reach it.
    this.#events.tabIndex = 0
    this.#parts = {
      name: part('h2'),
      whereabouts: part('.whereabouts'),
      kill: part('.kill'),
      restart: part('.restart'),
      pod: part('.pod-state'),
      client: part('.client-state'),
      move: part('.move'),
      id: part('.last-id code'),
    }
    this.#parts.kill.addEventListener('click', () => {
      this.#parts.restart.focus()
      onKill()
    })
    this.#parts.restart.addEventListener('click', onRestart)
    this.#parts.move.addEventListener('click', onMove)
  }

  showPod({ name, url, state, reason, pid }) {
    const parts = this.#parts
    parts.name.textContent = name
    const address = url.replace('http://', '')
    parts.whereabouts.textContent = pid === undefined ? address : `${address} · pid ${pid}`
    this.element.dataset.pod = state
    parts.pod.dataset.state = state
    parts.pod.textContent = reason ?? state
    parts.kill.disabled = state === 'stopped'
    parts.restart.disabled = state === 'starting'
    parts.kill.setAttribute('aria-label', `Kill ${name}`)
    parts.restart.setAttribute('aria-label', `Restart ${name}`)
    this.#events.setAttribute('aria-label', `Events at the client of ${name}, newest first`)
  }

  showClient(state, pod) {
    this.element.dataset.client = state
    this.#parts.client.dataset.state = state
    this.#parts.client.textContent = `${state} ${state === 'live' ? 'at' : 'to'} Pod ${pod + 1}`
  }

  /** Offers to move the client to a Pod; none runs besides its own where that is `undefined`. */
  offerMove(pod) {
    const { move, name } = this.#parts
    move.hidden = pod === undefined
    move.textContent = `→ Pod ${pod + 1}`
    move.setAttribute('aria-label', `Move the client of ${name.textContent} → Pod ${pod + 1}`)
  }

  showFault(text) {
    this.#parts.pod.textContent = text
  }

  showId(id) {
    this.#parts.id.textContent = id === '' ? 'none' : id
  }

  /** Adds a row; returns a function that adds later facts about the event. */
  addEvent(text) {
    const row = this.#addRow('event')
    const marks = span('marks', '')
    row.append(span('text', text), marks, span('time', clock.format(new Date())))
    return {
      show({ from, isReplayed }, pod) {
        if (from !== undefined) {
          tint(row, from)
          marks.append(span('origin', `via Pod ${from + 1}`))
        }
        if (!isReplayed) return
        const mark = span('replayed', `replayed by Pod ${pod + 1}`)
        mark.title = 'It was sent before this client was connected there'
        marks.append(mark)
      },
    }
  }

  addGap(reason) {
    const row = this.#addRow('gap')
    row.append(
      span('text', `gap: may have missed events (${reason})`),
      span('time', clock.format(new Date())),
    )
  }

  #addRow(kind) {
    const row = document.createElement('li')
    row.className = kind
    this.#events.prepend(row)
    if (this.#events.childElementCount > MAX_ROWS) this.#events.lastElementChild.remove()
    return row
  }
}

function span(name, text) {
  const element = document.createElement('span')
  element.className = name
  element.textContent = text
  return element
}
