import type { Handler } from 'hono'
import { html, raw } from 'hono/html'
import type { RecentError } from '../telemetry/error-reporter.ts'
import { SCRIPT, STYLE } from './debug-assets.ts'
import { fleetDrawing, sortedPeers } from './debug-drawing.ts'
import { type DebugView, diagnose } from './diagnosis.ts'
import type { Stats, StatsOptions } from './stats.ts'
import { formatBytes, formatCount, formatDuration, plural } from './units.ts'
import { VERSION } from './version.ts'

/** Maximum number of streams on the page. */
const MAX_STREAMS = 50

/** `GET /debug/sser`: a page for browsers, JSON for other clients. The names of streams and the texts of errors are untrusted input. */
export function debugRoute(
  stats: (options: StatsOptions) => Stats,
  recentErrors: () => readonly RecentError[],
): Handler {
  return async (c) => {
    const view: DebugView = {
      version: VERSION,
      ...stats({ largestStreams: MAX_STREAMS }),
      recentErrors: recentErrors(),
    }
    const headers = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'accept' }
    if (!c.req.header('accept')?.includes('text/html')) return c.json(view, 200, headers)
    const nonce = crypto.randomUUID()
    return c.html(await debugPage(view, nonce), 200, {
      ...headers,
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'referrer-policy': 'no-referrer',
    })
  }
}

type Cell = string | number | undefined

/** The values of one counter, by reason, code or stage. */
interface Counter {
  title: string
  head: string
  some: (readonly [string, number])[]
  zero: string[]
}

/** The debug page: it loads nothing but itself. `html` escapes all values. */
function debugPage(view: DebugView, nonce: string): ReturnType<typeof html> {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sser: ${view.state}</title>
<style nonce="${nonce}">${raw(STYLE)}</style>
</head>
<body>
<p id="lost" role="alert" hidden></p>
<main>
<h1>sser: ${view.state} <span>version ${view.version}, up ${formatDuration(view.uptimeMs)}</span></h1>
${headline(view)}
${fleetDrawing(view)}
${peerTable(view)}
${podTable(view)}
${streamTable(view)}
${counters(view)
  .filter(({ some }) => some.length > 0)
  .map(counterTable)}
${errorTable(view)}
${quietLine(view)}
</main>
<script nonce="${nonce}">${raw(SCRIPT)}</script>
</body>
</html>
`
}

function headline(view: DebugView) {
  const { level, message, detail, fix } = diagnose(view)
  return html`<section class="diagnosis ${level}">
<p class="message">${message}</p>
${detail !== undefined && html`<p><code>${detail}</code></p>`}
${fix !== undefined && html`<p>${fix}</p>`}
</section>`
}

function peerTable({ peers }: DebugView) {
  const rows = sortedPeers(peers).map(
    ({ peer, state, exchange, lag, lagMs, failures, lastError, epoch }) =>
      html`<tr class="${state}"><td>${peer}</td><td>${state}</td><td>${exchange ? 'exchange' : state === 'connected' ? 'requests' : ''}</td><td class="number">${lag === 0 ? '' : `${formatCount(lag)}, ${formatDuration(lagMs)}`}</td><td class="number">${failures || ''}</td><td class="text">${lastError === undefined ? '' : `${failures === 0 ? 'earlier: ' : ''}${lastError}`}</td><td><code>${epoch ?? ''}</code></td></tr>`,
  )
  return html`<h2>Peers</h2>${
    rows.length === 0
      ? html`<p class="muted">None.</p>`
      : html`<div class="scroll"><table class="peers"><tr><th>Peer</th><th>State</th><th>By</th><th class="number">Behind</th><th class="number">Failures</th><th>Last error</th><th>Epoch</th></tr>${rows}</table></div>`
  }`
}

function podTable(view: DebugView) {
  const { peerExchanges, peerRequests, connections, subscriptions, events, log, peerFinder, runs } = view
  const synced =
    peerFinder?.syncAgeMs === undefined ? '' : `, list confirmed ${formatDuration(peerFinder.syncAgeMs)} ago`
  const rows: [string, string, isZero?: boolean][] = [
    [
      'Connections',
      `${formatCount(connections.open)} open, ${formatCount(connections.opened)} opened, ${formatCount(connections.closed)} closed`,
      connections.opened === 0,
    ],
    [
      'Subscriptions',
      `${formatCount(subscriptions.open)} open, ${formatCount(subscriptions.opened)} opened, ${formatCount(subscriptions.closed)} closed; ${formatCount(subscriptions.received)} events received`,
      subscriptions.opened === 0,
    ],
    [
      'Events',
      `${formatCount(events.sent)} sent here, ${formatCount(events.received)} from peers`,
      events.sent + events.received === 0,
    ],
    [
      'Delivered',
      `${formatCount(events.delivered)}, of which ${formatCount(events.replayed)} replayed`,
      events.delivered === 0,
    ],
    [
      'Runs',
      `${formatCount(runs.running)} running here of ${formatCount(runs.started)} started, ${formatCount(runs.known)} known; ${formatCount(runs.readers)} readers, ${formatCount(runs.delivered)} chunks delivered`,
      runs.known + runs.started === 0,
    ],
    [
      'Copies of runs',
      `${formatCount(runs.copies)}, ${formatBytes(runs.bytes)} of ${formatBytes(runs.maxBytes)}`,
      runs.copies === 0,
    ],
    [
      'Log',
      `${formatCount(log.entries)} entries, ${formatBytes(log.bytes)} of ${formatBytes(log.maxBytes)}; complete for ${formatDuration(log.completeMs)} of ${formatDuration(log.maxAgeMs)}`,
    ],
    [
      'Requests to peers',
      `${formatCount(peerRequests.ok)} ok, ${formatCount(peerRequests.refused)} refused, ${formatCount(peerRequests.failed)} failed`,
      peerRequests.ok + peerRequests.refused + peerRequests.failed === 0,
    ],
    [
      'Exchanges with peers',
      `${formatCount(peerExchanges.opened)} opened, ${formatCount(peerExchanges.accepted)} accepted, ${formatCount(peerExchanges.fallbacks)} fallbacks`,
      peerExchanges.opened + peerExchanges.accepted + peerExchanges.fallbacks === 0,
    ],
    ['Retries', formatCount(peerRequests.retries), peerRequests.retries === 0],
    ['Event-loop lag', formatDuration(view.eventLoopLagMs), Math.round(view.eventLoopLagMs) === 0],
    ['Peer finder', `${peerFinder?.state}${synced}`, peerFinder === undefined],
  ]
  const zero = rows.filter(([, , isZero]) => isZero)
  const shown = rows.filter(([, , isZero]) => !isZero)
  return html`<h2>This Pod</h2>${table(
    undefined,
    shown.map(([name, value]) => [name, value]),
  )}${
    zero.length > 0 &&
    folded(
      plural(zero.length, 'row'),
      zero.map(([name]) => name),
    )
  }<details><summary>Epoch and position</summary><p>${view.epoch}</p><p>${view.position ?? 'no position yet'}</p></details>`
}

function streamTable({ streams }: DebugView) {
  const rows: Cell[][] = streams.largest.map((each) => [each.stream, each.connections])
  const unnamed = streams.active - streams.largest.length
  if (unnamed > 0) rows.push([`(${formatCount(unnamed)} others)`, streams.rest])
  return html`<h2>Streams</h2>${rows.length === 0 ? html`<p class="muted">None has a connection.</p>` : table(['Stream', 'Connections'], rows)}`
}

function counters({ gaps, rejected, errors, runs }: DebugView): Counter[] {
  const { interrupted, lost, superseded, ended, evictions } = runs
  return [
    counter('Gaps', 'Reason', gaps),
    counter('Rejected input', 'Code', rejected),
    counter('Errors', 'Stage', errors),
    counter('Run failures', 'Kind', {
      interrupted,
      lost,
      superseded,
      failed: ended.failed,
      'evicted while running': evictions.running,
    }),
  ]
}

function counter(title: string, head: string, counts: Readonly<Partial<Record<string, number>>>): Counter {
  const entries = Object.entries(counts).map(([name, count = 0]) => [name, count] as const)
  const zero = entries.filter(([, count]) => count === 0).map(([name]) => name)
  return { title, head, some: entries.filter(([, count]) => count > 0), zero }
}

function counterTable({ title, head, some, zero }: Counter) {
  return html`<h2>${title}</h2>${table([head, 'Times'], some)}${zero.length > 0 && folded(`${formatCount(zero.length)} other`, zero)}`
}

/** One line for the counters that are all zero. */
function quietLine(view: DebugView) {
  const none = counters(view).filter(({ some }) => some.length === 0)
  return (
    none.length > 0 &&
    html`<p class="muted">So far ${none.map(({ title }) => `no ${title.toLowerCase()}`).join(', ')}.</p>`
  )
}

function errorTable({ recentErrors }: DebugView) {
  if (recentErrors.length === 0) return ''
  const rows = recentErrors.map(({ ageMs, stage, peer, message }) => [
    `${formatDuration(ageMs)} ago`,
    stage,
    peer,
    message,
  ])
  return html`<details><summary>${plural(rows.length, 'recent error')}</summary>${table(['When', 'Stage', 'Peer', 'Message'], rows)}</details>`
}

function folded(what: string, names: readonly string[]) {
  return html`<details><summary>${what} at zero</summary><p>${names.join(', ')}</p></details>`
}

function table(head: readonly string[] | undefined, rows: readonly (readonly Cell[])[]) {
  const heading =
    head &&
    html`<tr>${head.map((name, i) => (typeof rows[0]?.[i] === 'number' ? html`<th class="number">${name}</th>` : html`<th>${name}</th>`))}</tr>`
  return html`<div class="scroll"><table>${heading}${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</table></div>`
}

function cell(content: Cell) {
  return typeof content === 'number'
    ? html`<td class="number">${formatCount(content)}</td>`
    : html`<td>${content ?? ''}</td>`
}
