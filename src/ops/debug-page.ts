import { html, raw } from 'hono/html'
import type { DebugView } from './debug.ts'

type Cell = string | number | undefined

const STYLE = `
  :root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif }
  body { max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem }
  h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem }
  table { border-collapse: collapse; min-width: 24rem }
  th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere }
  th { font-weight: 600; white-space: nowrap }
  td.number { text-align: right; font-variant-numeric: tabular-nums }
  p.none { opacity: .6; margin: 0 }
`

/** The debug page: it has no script and loads nothing. `html` escapes all values. */
export function debugPage(view: DebugView, nonce: string): ReturnType<typeof html> {
  const { peerRequests, connections, events, log, peerFinder, peers, streams } = view
  const streamRows: Cell[][] = streams.largest.map((each) => [each.stream, each.connections])
  const unnamed = streams.active - streams.largest.length
  if (unnamed > 0) streamRows.push([`(${unnamed} others)`, streams.rest])
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>sser: ${view.state}</title>
<style nonce="${nonce}">${raw(STYLE)}</style>
</head>
<body>
<h1>sser ${view.version}: ${view.state}</h1>
${table('This Pod', undefined, [
  ['Epoch', view.epoch],
  ['Up', duration(view.uptimeMs)],
  ['Position', view.position ?? ''],
  ['Connections', `${connections.open} open, ${connections.opened} opened, ${connections.closed} closed`],
  ['Events', `${events.sent} sent here, ${events.received} from peers`],
  ['Delivered', `${events.delivered}, of which ${events.replayed} replayed`],
  ['Log', `${log.entries} entries, ${log.bytes} of ${log.maxBytes} bytes`],
  [
    'Log reaches back',
    `${duration(log.oldestMs)} of ${duration(log.maxAgeMs)}, with every message ${duration(log.completeMs)}`,
  ],
  [
    'Requests to peers',
    `${peerRequests.ok} ok, ${peerRequests.refused} refused, ${peerRequests.failed} failed`,
  ],
  ['Retries', `${peerRequests.retries}`],
  ['Event-loop lag', duration(view.eventLoopLagMs)],
  ['Peer finder', peerFinder?.state ?? 'not reported'],
  ['Peers confirmed', peerFinder?.syncAgeMs === undefined ? '' : `${duration(peerFinder.syncAgeMs)} ago`],
])}
${table(
  'Peers',
  ['Peer', 'State', 'Epoch', 'Lag', 'Lag in time', 'Failures', 'Last error'],
  peers.map((peer) => [
    peer.peer,
    peer.state,
    peer.epoch,
    peer.lag,
    duration(peer.lagMs),
    peer.failures,
    peer.lastError,
  ]),
)}
${table('Streams', ['Stream', 'Connections'], streamRows)}
${table('Gaps told', ['Reason', 'Gaps'], Object.entries(view.gaps))}
${table('Rejected input', ['Code', 'Times'], Object.entries(view.rejected))}
${table('Errors', ['Stage', 'Errors'], Object.entries(view.errors))}
${table(
  'Last errors',
  ['Ago', 'Stage', 'Peer', 'Message'],
  view.recentErrors.map(({ ageMs, stage, peer, message }) => [duration(ageMs), stage, peer, message]),
)}
</body>
</html>
`
}

function table(title: string, head: readonly string[] | undefined, rows: readonly (readonly Cell[])[]) {
  if (rows.length === 0) return html`<h2>${title}</h2><p class="none">None.</p>`
  const heading = head && html`<tr>${head.map((name) => html`<th>${name}</th>`)}</tr>`
  return html`<h2>${title}</h2><table>${heading}${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</table>`
}

function cell(content: Cell) {
  return typeof content === 'number'
    ? html`<td class="number">${content}</td>`
    : html`<td>${content ?? ''}</td>`
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}
