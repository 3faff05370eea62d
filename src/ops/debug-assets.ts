/** Style of the debug page. All texts have a contrast of at least 4.5 in both schemes. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1c2128; --muted: #57606a; --line: #d0d7de; --good: #1a7f37; --passing: #8a5a00; --bad: #c21c2b;
  font: 15px/1.45 system-ui, sans-serif; background: var(--back); color: var(--text) }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --text: #e6edf3; --muted: #9aa4af; --line: #30363d; --good: #3fb950; --passing: #d9a62e; --bad: #ff7b72 } }
body { max-width: 66rem; margin: 0 auto; padding: .8rem 1rem 3rem }
h1 { font-size: 1rem; font-weight: 600; margin: 0 0 .6rem; display: flex; flex-wrap: wrap; gap: 0 .8rem; justify-content: space-between }
h1 span, .muted { color: var(--muted); font-weight: 400 }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem }
p { margin: .3rem 0; overflow-wrap: anywhere }
#lost { position: sticky; top: 0; background: var(--bad); color: var(--back); padding: .5rem .8rem; border-radius: 6px }
.diagnosis { border-left: 6px solid; padding: .2rem .8rem; margin: .4rem 0 1rem }
.diagnosis .message { font-size: 1.25rem; font-weight: 600; line-height: 1.3 }
.diagnosis.good { border-color: var(--good) } .diagnosis.passing { border-color: var(--passing) } .diagnosis.bad { border-color: var(--bad) }
code { font: .9em ui-monospace, monospace }
.diagnosis code { white-space: pre-wrap; overflow-wrap: anywhere }
svg.fleet { display: block; width: 100%; max-width: 36rem; font-size: 13px; fill: var(--text) }
svg .pod { fill: none; stroke: var(--text); stroke-width: 1.5 } svg .small, svg .state { font-size: 12px; fill: var(--muted) }
svg .link, svg .cross { fill: none; stroke: var(--good); stroke-width: 2 } svg .peer { fill: var(--good) }
svg .connecting .link { stroke: var(--passing); stroke-dasharray: 2 4 } svg .connecting .peer { fill: var(--passing) }
svg .failing .link, svg .failing .cross { stroke: var(--bad) } svg .failing .link { stroke-dasharray: 6 4 }
svg .failing .peer { fill: var(--back); stroke: var(--bad); stroke-width: 2 } svg .failing .state { fill: var(--bad) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; min-width: min(24rem, 100%) }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
th { font-weight: 600; white-space: nowrap } td:first-child { min-width: 8rem }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } .text { min-width: 14rem } .peers td:nth-child(-n+2) { white-space: nowrap }
.failing td:nth-child(2) { color: var(--bad); font-weight: 600 }
summary { cursor: pointer; color: var(--muted); padding: .3rem 0 }
`

/**
 * Script of the debug page: fetches the page again every 2 s, and changes only the nodes that differ, so that nothing
 * flickers, and opened rows, the selection and the scroll position stay. The server escapes all values; a parsed document
 * runs no script.
 */
export const SCRIPT = `
const PERIOD_MS = 2000, TIMEOUT_MS = 5000
const lost = document.getElementById('lost')
let last = Date.now()
function patch(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return old.replaceWith(next)
  if (old.nodeType === 3) { if (old.data !== next.data) old.data = next.data; return }
  if (old.nodeType !== 1) return
  for (const { name } of [...old.attributes]) if (name !== 'open' && !next.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of next.attributes) if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value)
  const olds = [...old.childNodes], nexts = [...next.childNodes]
  nexts.forEach((node, i) => i < olds.length ? patch(olds[i], node) : old.append(node))
  for (const node of olds.slice(nexts.length)) node.remove()
}
async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!response.ok) throw new Error('answered ' + response.status)
    const text = await response.text()
    const part = text.slice(text.indexOf('<main>'), text.indexOf('</main>'))
    const main = new DOMParser().parseFromString(part, 'text/html').querySelector('main')
    patch(document.querySelector('main'), main)
    document.title = main.querySelector('h1').firstChild.data.trim()
    last = Date.now()
    lost.hidden = true
  } catch (error) {
    lost.textContent = 'This Pod has not answered for ' + Math.round((Date.now() - last) / 1000) + ' s. The page shows its last answer.'
    lost.hidden = false
  }
}
async function run() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS))
    if (!document.hidden) await refresh()
  }
}
document.addEventListener('visibilitychange', () => document.hidden || refresh())
run()
`
