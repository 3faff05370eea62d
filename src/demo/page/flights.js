import { svg } from './svg.js'
import { tint } from './tint.js'

/** More dots than this at a time say nothing more, and cost. */
const MAX_DOTS = 60
const stillness = matchMedia('(prefers-reduced-motion: reduce)')

/** Dots on their way, and the marks that they leave. */
export class Flights {
  /** How large a Pod is drawn. */
  scale = 1
  #layer

  constructor(layer) {
    this.#layer = layer
  }

  /** Resolves when the dot has landed; at once if the page is hidden, or reduced motion is set. */
  async fly(from, to, hue) {
    if (document.hidden || stillness.matches || this.#layer.childElementCount >= MAX_DOTS) return
    const dot = this.#draw('dot', hue)
    svg('circle', { r: 12, class: 'glow' }, dot)
    svg('circle', { r: 6 }, dot)
    const length = Math.hypot(to.x - from.x, to.y - from.y)
    await this.#play(dot, [{ transform: at(from) }, { transform: at(to) }], {
      duration: 260 + Math.min(540, length * 1.1),
      easing: 'cubic-bezier(.45,.05,.35,1)',
    })
  }

  /** A ring that spreads where a dot has landed. */
  ripple(place, hue) {
    if (document.hidden || this.#layer.childElementCount >= MAX_DOTS) return
    const ring = this.#draw('ripple', hue)
    svg('circle', { r: 30 * this.scale }, ring)
    const [small, large] = stillness.matches ? [1.25, 1.25] : [0.8, 1.7]
    void this.#play(
      ring,
      [
        { transform: `${at(place)} scale(${small})`, opacity: 0.9 },
        { transform: `${at(place)} scale(${large})`, opacity: 0 },
      ],
      { duration: 650, easing: 'ease-out' },
    )
  }

  /** Mark of a dot that did not arrive: a cross (`failed`) or an open ring (`pending`). */
  mark(place, status) {
    const mark = this.#draw(`mark ${status}`)
    if (status === 'failed') svg('path', { d: 'M-8 -8L8 8M8 -8L-8 8' }, mark)
    else svg('circle', { r: 8 }, mark)
    void this.#play(
      mark,
      [
        { transform: at(place), opacity: 1 },
        { transform: at(place), opacity: 1, offset: 0.7 },
        { transform: at(place), opacity: 0 },
      ],
      { duration: 2_000 },
    )
  }

  #draw(kind, hue) {
    const group = svg('g', { class: hue === undefined ? kind : `${kind} tinted` }, this.#layer)
    if (hue !== undefined) tint(group, hue)
    return group
  }

  async #play(element, frames, timing) {
    await element.animate(frames, timing).finished.catch(() => {})
    element.remove()
  }
}

function at({ x, y }) {
  return `translate(${x}px, ${y}px)`
}
