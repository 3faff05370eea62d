/** As much of XMLHttpRequest, which Node lacks, as a client library for event streams uses. */
export class XMLHttpRequest extends EventTarget {
  readyState = 0
  status = 0
  responseText = ''
  #url = ''
  #headers = {}
  #response
  #abort = new AbortController()

  open(_method, url) {
    this.#url = url
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value
  }

  getResponseHeader(name) {
    return this.#response?.headers.get(name) ?? null
  }

  getAllResponseHeaders() {
    return [...(this.#response?.headers ?? [])].map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }

  abort() {
    this.#abort.abort()
  }

  async send() {
    try {
      this.#response = await fetch(this.#url, { headers: this.#headers, signal: this.#abort.signal })
      this.status = this.#response.status
      this.#become(2)
      const decoder = new TextDecoder()
      for await (const bytes of this.#response.body) {
        this.responseText += decoder.decode(bytes, { stream: true })
        if (this.readyState !== 3) this.#become(3)
        this.dispatchEvent(new Event('progress'))
      }
      this.#become(4)
      this.dispatchEvent(new Event('load'))
    } catch {
      this.#become(4)
      this.dispatchEvent(new Event(this.#abort.signal.aborted ? 'abort' : 'error'))
    }
  }

  #become(state) {
    this.readyState = state
    this.dispatchEvent(new Event('readystatechange'))
  }
}
