import { Composer } from './composer.js'
import { Drawing } from './drawing.js'
import { Fleet } from './fleet.js'
import { Guide } from './guide.js'
import { Journeys } from './journeys.js'
import { Ledger } from './ledger.js'
import { Listener } from './listener.js'
import { Panel } from './panel.js'
import { Receipt } from './receipt.js'
import { Switches } from './switches.js'

const STREAM = 'demo'

const notice = document.querySelector('.notice')
const fleet = new Fleet({ onList: show, onPresence: setPresence })
const ledger = new Ledger()
const receipts = new Receipt(document.querySelector('.receipt'))
let shown
let panels = []
let listeners = []
/** The Pod of each browser: its own, until the user moves it. */
let places = []
let composer
let drawing
let switches
let guide
let journeys

function show(pods) {
  const urls = pods.map(({ url }) => url).join()
  shown ??= urls
  // The demo was started anew, with other Pods.
  if (shown !== urls) return location.reload()
  if (panels.length === 0) build(pods)
  composer.setEnabled(true)
  for (const [i, pod] of pods.entries()) {
    panels[i].showPod(pod)
    drawing.showPod(i, pod.state)
    switches.show(i, pod)
  }
  guide.showPods(pods)
  offerMoves()
}

function build(pods) {
  composer = new Composer(document.querySelector('.composer'), pods, send)
  switches = new Switches(document.querySelector('.switches'), pods, control)
  drawing = new Drawing(document.querySelector('.drawing'), pods, composer.gates, switches.buttons)
  guide = new Guide(document.querySelector('.guide'), composer.gates, switches.buttons)
  journeys = new Journeys(drawing)
  places = pods.map((_, i) => i)
  panels = pods.map((_, i) => {
    const panel = new Panel(i, { onMove: () => move(i) })
    document.querySelector('.panels').append(panel.element)
    return panel
  })
  listeners = panels.map((panel, i) => {
    return new Listener(eventsOf(i), {
      onState: (state) => {
        panel.showClient(state, places[i])
        drawing.showClient(i, state)
        guide.showClient(i, state)
      },
      onId: (id) => panel.showId(id),
      onGap: (reason) => {
        panel.addGap(reason)
        guide.gap(i)
      },
      onEvent: (event) => void arrive(i, event),
    })
  })
}

function eventsOf(pod) {
  return `${fleet.pods[pod].url}/events?stream=${STREAM}`
}

async function arrive(i, { text, candidates, times }) {
  const pod = places[i]
  const row = panels[i].addEvent(text)
  const event = await ledger.identify(candidates, times)
  row.show(event, pod)
  if (event.key !== undefined) {
    receipts.delivered(event.key, pod)
    guide.received(i, event.key, text)
  }
  await journeys.arrived(i, pod, event)
}

/** The next running Pod after the one that a browser is connected to. */
function nextPlace(i) {
  const { pods } = fleet
  const others = pods.slice(1).map((_, step) => (places[i] + 1 + step) % pods.length)
  return others.find((pod) => pods[pod].state === 'running')
}

function offerMoves() {
  for (const [i, panel] of panels.entries()) panel.offerMove(nextPlace(i))
}

function move(i) {
  places[i] = nextPlace(i)
  drawing.moveClient(i, places[i])
  listeners[i].moveTo(eventsOf(places[i]))
  offerMoves()
}

async function send(i, text) {
  const { pods } = fleet
  const receipt = receipts.begin(i, pods)
  const answer = fleet.send(i, STREAM, text)
  ledger.open(i, answer)
  journeys.sent(i, answer, (peer) => pods.findIndex((pod) => pod.peer === peer))
  try {
    const outcome = await answer
    receipt.show(outcome)
    guide.sent(outcome.key, text)
    return true
  } catch (error) {
    receipt.fail(error.message)
    return false
  }
}

async function control(i, action) {
  try {
    await fleet.control(i, action)
  } catch (error) {
    notice.hidden = false
    notice.textContent = `Pod ${i + 1}: ${error.message}`
  }
}

/** Without its server the demo has ended, and so have its Pods. */
function setPresence(isPresent) {
  document.body.classList.toggle('ended', !isPresent)
  notice.hidden = isPresent
  notice.textContent = isPresent
    ? ''
    : 'The demo has ended, and its Pods are gone. Start it again with npm start or npx sser demo: this page then continues.'
  if (isPresent || panels.length === 0) return
  composer.setEnabled(false)
  guide.end()
  for (const [i, pod] of fleet.pods.entries()) {
    const gone = { ...pod, state: 'gone', pid: undefined }
    panels[i].showPod(gone)
    panels[i].offerMove(undefined)
    drawing.showPod(i, 'gone')
    switches.show(i, gone)
  }
}
