import { tint } from './tint.js'

const MAX_ROWS = 50
const template = document.querySelector('#panel')
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })

/** Causes of a gap, by the reason in its event. */
const GAP_CAUSES = {
  trimmed: 'this browser was away for longer than the Pods keep events',
  'unknown-id': 'the Pod does not know the position of this browser',
  'invalid-id': 'the last event id of this browser is not valid',
  'peer-loss': 'events of another Pod did not reach the Pod of this browser',
  'slow-client': 'this browser read its events too slowly',
  'legacy-peer': 'events of a Go Pod have no ids',
}

/** One browser: its connection, and the received events. */
export class Panel {
  element
  #events
  #parts

  constructor(i, { onMove }) {
    this.element = template.content.cloneNode(true).querySelector('.panel')
    tint(this.element, i)
    const part = (name) => this.element.querySelector(name)
    this.#events = part('.events')
    // It scrolls, so the keyboard has to reach it.
    this.#events.tabIndex = 0
    this.#events.setAttribute('aria-label', `Events that browser ${i + 1} received, newest first`)
    this.#parts = {
      name: part('h2'),
      address: part('.address'),
      client: part('.client-state'),
      move: part('.move'),
      id: part('.last-id code'),
    }
    this.#parts.name.textContent = `Browser ${i + 1}`
    this.#parts.move.addEventListener('click', onMove)
  }

  /** Shows the process of the Pod with the same number. */
  showPod({ url, state, reason, pid }) {
    const address = url.replace('http://', '')
    this.#parts.address.textContent = `${address}, ${pid === undefined ? (reason ?? state) : `process ${pid}`}`
    this.element.dataset.pod = state
  }

  showClient(state, pod) {
    this.element.dataset.client = state
    this.#parts.client.dataset.state = state
    const words = {
      live: 'connected to',
      connecting: 'connecting to',
      reconnecting: 'waiting for',
    }
    this.#parts.client.textContent = `${words[state]} Pod ${pod + 1}`
  }

  /** Offers to move the browser to a Pod; `undefined` if no other Pod runs. */
  offerMove(pod) {
    const { move, name } = this.#parts
    move.hidden = pod === undefined
    move.textContent = `Move to Pod ${pod + 1}`
    move.setAttribute('aria-label', `Move ${name.textContent} to Pod ${pod + 1}`)
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
          marks.append(span('origin', `sent through Pod ${from + 1}`))
        }
        if (!isReplayed) return
        const mark = span('replayed', `missed, replayed by Pod ${pod + 1}`)
        mark.title = 'It was sent before this browser was connected to that Pod'
        marks.append(mark)
      },
    }
  }

  addGap(reason) {
    const row = this.#addRow('gap')
    row.append(
      span(
        'text',
        `Some events may be missing, because ${GAP_CAUSES[reason] ?? 'the Pod no longer has them'}.`,
      ),
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
