import { Flights } from './flights.js'
import { svg } from './svg.js'
import { tint } from './tint.js'

const HEXAGON = Array.from({ length: 6 }, (_, i) => {
  const angle = ((i + 0.5) * Math.PI) / 3
  return `${(Math.cos(angle) * 36).toFixed(1)},${(Math.sin(angle) * 36).toFixed(1)}`
}).join(' ')

/** The Pods on a hanging arc, each under its button, linked with one another, and below each a browser. */
export class Drawing {
  #svg
  #gates
  #switches
  #pods
  #clients
  #links = []
  /** The line to each client. */
  #wires
  #flights
  #places = new Map()

  constructor(element, pods, gates, switches) {
    this.#svg = element.querySelector('svg')
    this.#gates = gates
    this.#switches = switches
    this.#flights = new Flights(element.querySelector('.flights'))
    const links = element.querySelector('.links')
    const link = (from, to, kind, hue) => {
      const line = svg('line', { class: kind }, links)
      if (hue !== undefined) tint(line, hue)
      const ends = { line, from, to }
      this.#links.push(ends)
      return ends
    }
    this.#wires = pods.map((_, i) => {
      link(`gate ${i}`, `pod ${i}`, 'drop', i)
      for (let other = i + 1; other < pods.length; other += 1) link(`pod ${i}`, `pod ${other}`, 'link')
      return link(`pod ${i}`, `client ${i}`, 'wire', i)
    })
    const nodes = element.querySelector('.nodes')
    this.#pods = pods.map((_, i) => podNode(nodes, i))
    this.#clients = pods.map((_, i) => clientNode(nodes, i))
    new ResizeObserver(() => this.#layOut()).observe(element)
    this.#layOut()
  }

  showPod(i, state) {
    this.#mark(`pod ${i}`, this.#pods[i], 'state', state)
  }

  showClient(i, state) {
    this.#mark(`client ${i}`, this.#clients[i].node, 'client', state)
  }

  /** The browser is connected to another Pod now. */
  moveClient(i, pod) {
    const wire = this.#wires[i]
    wire.from = `pod ${pod}`
    wire.line.dataset.stateFrom = this.#pods[pod].dataset.state
    tint(wire.line, pod)
    this.#layOut()
  }

  /** Moves a dot in the colour of the Pod that the event was sent through; resolves when it lands. */
  async fly(from, to, hue) {
    await this.#flights.fly(this.#places.get(from), this.#places.get(to), hue)
    if (to.startsWith('client')) this.#count(Number(to.slice(7)))
    this.#flights.ripple(this.#places.get(to), hue)
  }

  /** A dot that sets out and does not arrive: it waits (`pending`) or is crossed out (`failed`). */
  async flyInVain(from, to, hue, status) {
    const start = this.#places.get(from)
    const goal = this.#places.get(to)
    const end = { x: start.x + (goal.x - start.x) * 0.55, y: start.y + (goal.y - start.y) * 0.55 }
    await this.#flights.fly(start, end, hue)
    this.#flights.mark(end, status)
  }

  fail(place) {
    const { x, y } = this.#places.get(place)
    this.#flights.mark({ x: x + 30, y: y - 24 }, 'failed')
  }

  #count(i) {
    const { label } = this.#clients[i]
    label.textContent = Number(label.textContent) + 1
  }

  #mark(place, node, name, value) {
    node.dataset[name] = value
    for (const { line, from, to } of this.#links)
      if (from === place || to === place) line.dataset[from === place ? `${name}From` : `${name}To`] = value
  }

  #layOut() {
    const { left, width } = this.#svg.getBoundingClientRect()
    if (width === 0) return
    const height = Math.round(Math.min(330, Math.max(290, width * 0.36)))
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    this.#svg.style.height = `${height}px`
    const count = this.#gates.length
    const scale = Math.min(1, width / count / 84)
    this.#flights.scale = scale
    this.#gates.forEach((gate, i) => {
      const box = gate.getBoundingClientRect()
      const x = box.left + box.width / 2 - left
      const hang = count === 1 ? 1 : Math.sin((Math.PI * (i + 0.5)) / count)
      this.#places.set(`gate ${i}`, { x, y: 0 })
      this.#places.set(`pod ${i}`, { x, y: 46 + (height - 236) * hang })
      this.#places.set(`client ${i}`, { x, y: height - 48 })
      place(this.#pods[i], this.#places.get(`pod ${i}`), scale)
      const { y } = this.#places.get(`pod ${i}`)
      this.#switches[i].style.translate = `calc(${x}px - 50%) ${y + 42 * scale}px`
      place(this.#clients[i].node, this.#places.get(`client ${i}`), scale)
    })
    for (const { line, from, to } of this.#links) {
      const a = this.#places.get(from)
      const b = this.#places.get(to)
      for (const [name, value] of Object.entries({ x1: a.x, y1: a.y, x2: b.x, y2: b.y }))
        line.setAttribute(name, value)
    }
  }
}

function place(node, { x, y }, scale) {
  node.setAttribute('transform', `translate(${x} ${y}) scale(${scale})`)
}

function podNode(parent, i) {
  const node = svg('g', { class: 'pod' }, parent)
  tint(node, i)
  svg('polygon', { points: HEXAGON }, node)
  svg('text', { y: 1 }, node).textContent = `Pod ${i + 1}`
  return node
}

/** A small browser window that counts its events. */
function clientNode(parent, i) {
  const node = svg('g', { class: 'client' }, parent)
  tint(node, i)
  svg('rect', { x: -27, y: -21, width: 54, height: 42, rx: 6 }, node)
  svg('path', { d: 'M-27 -9H27' }, node)
  for (const x of [-20, -14, -8]) svg('circle', { cx: x, cy: -15, r: 1.8 }, node)
  svg('text', { y: 36, class: 'name' }, node).textContent = `Browser ${i + 1}`
  const label = svg('text', { y: 7, class: 'count' }, node)
  label.textContent = 0
  return { node, label }
}
