import { html } from 'hono/html'
import type { LinkState, PeerStatus } from '../replication/peer-status.ts'
import type { DebugView } from './diagnosis.ts'
import { formatCount, formatDuration, plural } from './units.ts'

/** Peers in the drawing; the table lists all. */
const MAX_PEERS = 24
const WIDTH = 440
const ROW = 34
const POD = { x: 2, width: 116, height: 44 }
const TRUNK_X = 142
const PEER_X = 196
/** Characters that fit beside a peer. */
const MAX_LABEL = 32

const CAPTIONS: Readonly<Record<Exclude<LinkState, 'self'>, string>> = {
  connected: 'connected',
  v1: 'connected, Go Pod',
  connecting: 'connecting',
  failing: 'failing',
}
const RANKS: Readonly<Record<LinkState, number>> = { failing: 0, connecting: 1, v1: 2, connected: 3, self: 4 }

/** Peers without this Pod, the most troubled first. */
export function sortedPeers(peers: readonly PeerStatus[]): PeerStatus[] {
  return peers
    .filter(({ state }) => state !== 'self')
    .toSorted((one, other) => RANKS[one.state] - RANKS[other.state] || other.lagMs - one.lagMs)
}

/** This Pod and the links to its peers, as SVG. Colour never stands alone: a failing link is broken and crossed out. */
export function fleetDrawing(view: DebugView): ReturnType<typeof html> {
  const peers = sortedPeers(view.peers)
  const drawn = peers.slice(0, MAX_PEERS)
  const own = view.peers.find(({ state }) => state === 'self')?.peer
  const height = Math.max(drawn.length * ROW, POD.height + 4) + 4
  const middle = height / 2
  const failing = peers.filter(({ state }) => state === 'failing').length
  const label = `This Pod and ${plural(peers.length, 'peer')}, ${formatCount(failing)} of them failing`
  return html`<svg class="fleet" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">
${drawn.map((peer, i) => branch(peer, (height - drawn.length * ROW) / 2 + i * ROW + ROW / 2, middle))}
<rect class="pod" x="${POD.x}" y="${middle - POD.height / 2}" width="${POD.width}" height="${POD.height}" rx="6"/>
<text class="name" x="${POD.x + POD.width / 2}" y="${middle - 4}" text-anchor="middle">This Pod</text>
<text class="small" x="${POD.x + POD.width / 2}" y="${middle + 12}" text-anchor="middle">${shorten(own ?? plural(view.connections.open, 'client'), 20)}</text>
</svg>${peers.length > drawn.length && html`<p class="muted">${plural(peers.length - drawn.length, 'further peer')} in the table below.</p>`}`
}

function branch(peer: PeerStatus, y: number, middle: number) {
  const { state, lag, lagMs } = peer
  const caption = CAPTIONS[state as Exclude<LinkState, 'self'>]
  const behind = lag > 0 ? `, ${formatCount(lag)} behind for ${formatDuration(lagMs)}` : ''
  const x = (TRUNK_X + PEER_X) / 2
  return html`<g class="${state}"><title>${peer.peer}: ${caption}${behind}</title>
<path class="link" d="M${POD.x + POD.width} ${middle}H${TRUNK_X}V${y}H${PEER_X - 6}"/>
${state === 'failing' && html`<path class="cross" d="M${x - 5} ${y - 5}l10 10m0-10l-10 10"/>`}
<circle class="peer" cx="${PEER_X}" cy="${y}" r="6"/>
<text class="name" x="${PEER_X + 14}" y="${y - 2}">${shorten(peer.peer, MAX_LABEL)}</text>
<text class="state" x="${PEER_X + 14}" y="${y + 12}">${caption}${behind}</text></g>
`
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
