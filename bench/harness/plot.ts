// Plots as small SVG files, without scripts and external resources, in the reader's light or dark colours.

/** Horizontal bars, each with a part for each name in `parts`. */
interface Bars {
  kind: 'bars'
  /** Name of the file. */
  name: string
  title: string
  unit: string
  parts: readonly string[]
  bars: readonly { label: string; values: readonly number[] }[]
}

/** Lines over an axis in powers of ten. */
interface Lines {
  kind: 'lines'
  name: string
  title: string
  x: string
  y: string
  lines: readonly { label: string; points: readonly (readonly [x: number, y: number])[] }[]
}

/** Lines over time. */
interface Times {
  kind: 'times'
  name: string
  title: string
  unit: string
  /** Points at times in seconds; a pause of more than `pauseS` interrupts a line. */
  lines: readonly { label: string; points: readonly (readonly [seconds: number, y: number])[] }[]
  fromS: number
  toS: number
  pauseS: number
}

export type Plot = Bars | Lines | Times

const WIDTH = 760
/** Width of plots over time, which stand side by side. */
const TIMES_WIDTH = 520
const COLOURS = 6
const STYLE = `
    :root { --paper: #ffffff; --ink: #1f2933; --soft: #667380; --line: #dde3e8; --c0: #1971c2; --c1: #d9480f; --c2: #2b8a3e; --c3: #7a52c7; --c4: #b8860b; --c5: #c2255c }
    @media (prefers-color-scheme: dark) {
      :root { --paper: #0f1419; --ink: #e4e9ee; --soft: #95a3b0; --line: #35414d; --c0: #74b9f5; --c1: #ff9257; --c2: #69c97c; --c3: #b79bf2; --c4: #e6b84d; --c5: #f783ac }
    }
    .paper { fill: var(--paper) }
    text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: var(--ink) }
    .title { font-weight: 600; font-size: 14px }
    .ours { font-weight: 600 }
    .soft { fill: var(--soft); font-size: 12px }
    .mid { text-anchor: middle }
    .end { text-anchor: end }
    .grid { stroke: var(--line) }
    .line { fill: none; stroke-width: 2 }
    ${Array.from({ length: COLOURS }, (_, i) => `.f${i} { fill: var(--c${i}) } .s${i} { stroke: var(--c${i}) }`).join('\n    ')}
`

export function svg(plot: Plot): string {
  if (plot.kind === 'bars') return drawBars(plot)
  return plot.kind === 'lines' ? drawLines(plot) : drawTimes(plot)
}

function drawBars({ title, unit, parts, bars }: Bars): string {
  const left = 300
  const top = 62
  const row = 28
  const sums = bars.map(({ values }) => values.reduce((a, b) => a + b, 0))
  const ticks = linearTicks(Math.max(...sums))
  const scale = (WIDTH - left - 70) / (ticks.at(-1) as number)
  const bottom = top + bars.length * row + 6
  const shapes = [...(parts.length > 1 ? legend(parts, left) : [])]
  for (const tick of ticks) {
    const x = left + tick * scale
    shapes.push(`<path class="grid" d="M${fix(x)} ${top - 6}V${bottom}"/>`)
    shapes.push(text(x, bottom + 18, 'soft mid', print(tick)))
  }
  shapes.push(text(left, bottom + 38, 'soft', unit))
  bars.forEach(({ label, values }, i) => {
    const y = top + i * row
    shapes.push(text(left - 10, y + 16, label.includes('**') ? 'end ours' : 'end', label))
    let x = left
    values.forEach((value, j) => {
      shapes.push(rectangle(x, y + 3, value * scale, 18, `f${j}`))
      x += value * scale
    })
    shapes.push(text(x + 6, y + 17, 'soft', print(sums[i] as number)))
  })
  return page(title, bottom + 50, shapes)
}

function drawLines({ title, x: xName, y: yName, lines }: Lines): string {
  const [left, right, top, bottom] = [64, WIDTH - 36, 84, 350]
  const points = lines.flatMap((line) => line.points)
  const powers = points.map(([x]) => Math.log10(x))
  const [low, high] = [Math.min(...powers), Math.max(...powers)]
  const yTicks = linearTicks(Math.max(...points.map(([, y]) => y)))
  const toX = (x: number) => left + ((Math.log10(x) - low) / (high - low || 1)) * (right - left)
  const toY = (y: number) => bottom - (y / (yTicks.at(-1) as number)) * (bottom - top)
  const labels = lines.map(({ label }) => label)
  const shapes = legend(labels, left)
  for (const tick of yTicks) {
    shapes.push(`<path class="grid" d="M${left} ${fix(toY(tick))}H${right}"/>`)
    shapes.push(text(left - 8, toY(tick) + 4, 'soft end', print(tick)))
  }
  for (const x of new Set(points.map(([each]) => each))) {
    shapes.push(`<path class="grid" d="M${fix(toX(x))} ${bottom}v5"/>`)
    shapes.push(text(toX(x), bottom + 20, 'soft mid', print(x)))
  }
  shapes.push(text((left + right) / 2, bottom + 42, 'soft mid', xName), text(8, top - 12, 'soft', yName))
  lines.forEach((line, i) => {
    const at = line.points.map(([x, y]) => `${fix(toX(x))} ${fix(toY(y))}`)
    shapes.push(`<path class="line s${i}" d="M${at.join('L')}"/>`)
    for (const [x, y] of line.points) {
      shapes.push(`<circle class="f${i}" cx="${fix(toX(x))}" cy="${fix(toY(y))}" r="3.5"/>`)
    }
  })
  return page(title, bottom + 54, shapes)
}

function drawTimes({ title, unit, lines, fromS, toS, pauseS }: Times): string {
  const [left, right, top, bottom] = [64, TIMES_WIDTH - 24, 92, 230]
  const yTicks = linearTicks(Math.max(0, ...lines.flatMap(({ points }) => points.map(([, y]) => y))))
  const toX = (seconds: number) => left + ((seconds - fromS) / (toS - fromS)) * (right - left)
  const toY = (y: number) => bottom - (y / (yTicks.at(-1) as number)) * (bottom - top)
  const names = lines.map(({ label }) => label)
  const shapes = legend(names, 8, TIMES_WIDTH)
  for (const tick of yTicks) {
    shapes.push(`<path class="grid" d="M${left} ${fix(toY(tick))}H${right}"/>`)
    shapes.push(text(left - 8, toY(tick) + 4, 'soft end', print(tick)))
  }
  for (let seconds = 0; seconds <= toS - fromS; seconds += 30) {
    shapes.push(text(toX(fromS + seconds), bottom + 20, 'soft mid', `${seconds} s`))
  }
  shapes.push(text(left, top - 14, 'soft', unit))
  lines.forEach(({ points }, i) => {
    let path = ''
    let before = Number.NEGATIVE_INFINITY
    for (const [seconds, y] of points) {
      path += `${seconds - before > pauseS ? 'M' : 'L'}${fix(toX(seconds))} ${fix(toY(y))}`
      before = seconds
    }
    shapes.push(`<path class="line s${i % COLOURS}" d="${path}"/>`)
  })
  return page(title, bottom + 34, shapes, TIMES_WIDTH)
}

function page(title: string, height: number, shapes: readonly string[], width = WIDTH): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">`,
    `  <title id="title">${escapeText(title)}</title>`,
    `  <style>${STYLE}  </style>`,
    `  <rect class="paper" width="${width}" height="${height}"/>`,
    ...[text(8, 22, 'title', title), ...shapes].map((shape) => `  ${shape}`),
    '</svg>\n',
  ].join('\n')
}

/** Legend: names beside their colours, in lines below the title. */
function legend(names: readonly string[], left: number, width = WIDTH): string[] {
  let x = left
  let y = 32
  return names.flatMap((name, i) => {
    const taken = 30 + plain(name).length * 7
    if (x > left && x + taken > width) {
      x = left
      y += 18
    }
    const at = x
    x += taken
    return [rectangle(at, y, 12, 12, `f${i % COLOURS}`), text(at + 18, y + 10, 'soft', name)]
  })
}

function rectangle(x: number, y: number, width: number, height: number, name: string): string {
  return `<rect class="${name}" x="${fix(x)}" y="${fix(y)}" width="${fix(width)}" height="${height}" rx="2"/>`
}

function text(x: number, y: number, name: string, content: string): string {
  return `<text class="${name}" x="${fix(x)}" y="${fix(y)}">${escapeText(plain(content))}</text>`
}

/** Ticks from 0 in steps of 1, 2 or 5 times a power of ten; the last is at or above `max`. */
function linearTicks(max: number): number[] {
  const rough = (max || 1) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10)
  return Array.from({ length: Math.ceil((max || 1) / step) + 1 }, (_, i) => i * step)
}

/** Removes the marks of Markdown. */
function plain(label: string): string {
  return label.replaceAll(/\*\*|`/g, '')
}

function escapeText(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function fix(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function print(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)))
}
