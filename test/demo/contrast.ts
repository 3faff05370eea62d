/** A text of the page, and the contrast between its colour and its background. */
interface Contrast {
  text: string
  ratio: number
}

/**
 * The contrast of each visible text of enabled elements. Runs in the page, so it uses nothing of this module.
 *
 * @see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
 */
export function contrasts(): Contrast[] {
  for (const animation of document.getAnimations()) if (animation instanceof CSSTransition) animation.finish()
  const canvas = document.createElement('canvas')
  canvas.width = 1
  canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D
  // The canvas turns any notation, such as oklch(), into bytes, and composes translucent layers.
  const luminance = (layers: string[]) => {
    for (const layer of layers) {
      context.fillStyle = layer
      context.fillRect(0, 0, 1, 1)
    }
    const linear = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
      const value = byte / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0)
  }
  const backgroundsOf = (element: Element): string[] => {
    const layers: string[] = []
    for (let each: Element | null = element; each !== null; each = each.parentElement) {
      layers.unshift(getComputedStyle(each).backgroundColor)
    }
    return layers
  }
  const found: Contrast[] = []
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement
    const text = node.textContent?.trim() ?? ''
    if (
      element === null ||
      text === '' ||
      !element.checkVisibility() ||
      element.closest(':disabled, script, template')
    )
      continue
    const style = getComputedStyle(element)
    const layers = backgroundsOf(element)
    const isSvg = element instanceof SVGElement
    const shape =
      isSvg && !element.classList.contains('name') && element.parentElement?.querySelector('polygon, rect')
    if (shape) layers.push(getComputedStyle(shape).fill)
    const background = luminance(layers)
    const foreground = luminance([...layers, isSvg ? style.fill : style.color])
    const ratio = (Math.max(background, foreground) + 0.05) / (Math.min(background, foreground) + 0.05)
    found.push({ text, ratio: Math.round(ratio * 100) / 100 })
  }
  return found
}
