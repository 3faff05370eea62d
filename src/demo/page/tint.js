const HUES = [258, 158, 45, 325, 210, 95, 290, 15, 130]

/** Gives an element the colour of a Pod; everything inside that asks for `--pod` takes it. */
export function tint(element, i) {
  element.style.setProperty('--hue', HUES[i % HUES.length])
  element.classList.add('tinted')
}
