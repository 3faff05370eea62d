import { connect } from 'sser/client'

const template = document.querySelector('#chat')
const STATES = {
  idle: '',
  connecting: 'connecting',
  running: 'writing',
  recovering: 'reconnecting',
  interrupted: 'waiting for the Pod that writes',
  ended: 'finished',
  cancelled: 'stopped',
  lost: 'the Pod that wrote it has died',
  failed: 'failed',
  // The server no longer keeps the run.
  stopped: '',
}

/** One chat: it asks, reads the run of the answer, and stops it. Dispatches `change`. */
export class Chat extends EventTarget {
  number
  element
  /** The Pod that writes the answer. */
  pod
  /** The Pod that delivers the answer to this page. */
  deliveredBy
  status = 'idle'
  #client = connect('api/events', {
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      this.deliveredBy = Number(response.headers.get('x-pod'))
      return response
    },
    cancelRun: (name) => fetch(`api/chats/${name.slice('chat:'.length)}`, { method: 'DELETE' }),
    onError() {},
  })
  #run
  #reading
  #tokens = 0

  constructor(number, question) {
    super()
    this.number = number
    this.element = template.content.firstElementChild.cloneNode(true)
    this.#find('h2').textContent = `Chat ${number}`
    this.#find('input').value = question
    this.#find('.talk').tabIndex = 0
    this.#find('form').onsubmit = (event) => {
      event.preventDefault()
      void this.#ask(this.#find('input').value)
    }
    this.#find('.stop').onclick = () => void this.#run.cancel()
    // The page keeps the id of its chat here; an app keeps it in its database. Other tabs follow.
    addEventListener('storage', ({ key }) => {
      if (key === this.#key) this.#readStored()
    })
    // A tab in the background gives its connection back, and reads the whole answer again when it is shown.
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) void this.#reading?.return()
      else this.#readStored()
    })
    this.#become('idle')
    this.#readStored()
  }

  get isRunning() {
    return ['connecting', 'running', 'recovering', 'interrupted'].includes(this.status)
  }

  get #key() {
    return `chat ${this.number}`
  }

  #readStored() {
    const id = localStorage.getItem(this.#key)
    if (id !== null) void this.#read(id)
  }

  async #ask(question) {
    // A name of its own for each run: an id of an old run never meets a new one.
    const id = crypto.randomUUID()
    this.#become('connecting')
    const { ok } = await fetch(`api/chats/${id}`, { method: 'POST', body: question })
    if (!ok) return this.#become('failed')
    localStorage.setItem(this.#key, id)
    await this.#read(id)
  }

  /** Reads the run from its first chunk, and then live. The client reconnects, and resumes, by itself. */
  async #read(id) {
    void this.#reading?.return()
    this.#clear()
    this.pod = undefined
    this.#run = this.#client.run(`chat:${id}`, { parse: JSON.parse, onGap: () => this.#clear() })
    const reading = this.#run[Symbol.asyncIterator]()
    this.#reading = reading
    this.#run.state.subscribe(({ status }) => {
      if (this.#reading === reading) this.#become(status)
    })
    try {
      for await (const part of reading) this.#take(part)
    } catch {
      // The state says how it ended.
    }
  }

  #take({ question, pod, thought, text }) {
    const talk = this.#find('.talk')
    const isAtEnd = talk.scrollTop + talk.clientHeight > talk.scrollHeight - 40
    if (question !== undefined) {
      this.pod = pod
      this.#find('.question').textContent = question
      this.#find('.answer').dataset.pod = pod
      for (const name of ['.question', '.answer']) this.#find(name).hidden = false
      this.dispatchEvent(new Event('change'))
    } else {
      this.#tokens += 1
      this.#find(thought === undefined ? '.text' : '.thought').append(thought ?? text)
    }
    this.#showPath()
    if (isAtEnd) talk.scrollTop = talk.scrollHeight
  }

  #clear() {
    this.#tokens = 0
    for (const name of ['.question', '.thought', '.text']) this.#find(name).textContent = ''
    for (const name of ['.question', '.answer']) this.#find(name).hidden = true
  }

  #become(status) {
    this.status = status
    const state = this.#find('.state')
    state.dataset.state = status
    state.textContent = STATES[status]
    this.#find('.ask').hidden = this.isRunning
    this.#find('.stop').hidden = !this.isRunning
    this.#find('input').disabled = this.isRunning
    this.element.toggleAttribute('data-writing', status === 'running')
    this.#showPath()
    this.dispatchEvent(new Event('change'))
  }

  #showPath() {
    const pod = (number) => {
      const name = Object.assign(document.createElement('b'), { className: 'tinted' })
      name.dataset.pod = number
      name.textContent = `Pod ${number}`
      return name
    }
    const tokens = Object.assign(document.createElement('span'), { className: 'tokens' })
    tokens.textContent = ` · ${this.#tokens} tokens`
    const path = this.#find('.path')
    if (this.pod === undefined) path.textContent = this.isRunning ? '' : 'No answer yet'
    else if (this.isRunning && this.deliveredBy)
      path.replaceChildren('Written by ', pod(this.pod), ', delivered by ', pod(this.deliveredBy), tokens)
    else path.replaceChildren('Written by ', pod(this.pod), tokens)
  }

  #find(selector) {
    return this.element.querySelector(selector)
  }
}
