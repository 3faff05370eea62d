import { Composer } from './composer.js'
import { Drawing } from './drawing.js'
import { Fleet } from './fleet.js'
import { Journeys } from './journeys.js'
import { Ledger } from './ledger.js'
import { Listener } from './listener.js'
import { Panel } from './panel.js'
import { Receipt } from './receipt.js'

const STREAM = 'demo'

const notice = document.querySelector('.notice')
const fleet = new Fleet({ onList: show, onPresence: setPresence })
const ledger = new Ledger()
const receipts = new Receipt(document.querySelector('.receipt'))
let shown
let panels = []
let drawing
let journeys

function show(pods) {
  const urls = pods.map(({ url }) => url).join()
  shown ??= urls
  // The demo was started anew, with other Pods.
  if (shown !== urls) return location.reload()
  if (panels.length === 0) build(pods)
  for (const [i, pod] of pods.entries()) {
    panels[i].showPod(pod)
    drawing.showPod(i, pod.state)
  }
}

function build(pods) {
  const composer = new Composer(document.querySelector('.composer'), pods, send)
  drawing = new Drawing(document.querySelector('.drawing'), pods, composer.gates)
  journeys = new Journeys(drawing)
  panels = pods.map((pod, i) => {
    const panel = new Panel(i, {
      onKill: () => control(i, 'kill'),
      onRestart: () => control(i, 'restart'),
    })
    document.querySelector('.panels').append(panel.element)
    new Listener(`${pod.url}/events?stream=${STREAM}`, {
      onState: (state) => {
        panel.showClient(state)
        drawing.showClient(i, state)
      },
      onId: (id) => panel.showId(id),
      onGap: (reason) => panel.addGap(reason),
      onEvent: (event) => void arrive(i, event),
    })
    return panel
  })
}

async function arrive(i, { text, candidates, times }) {
  const row = panels[i].addEvent(text)
  const event = await ledger.identify(candidates, times)
  row.show(event)
  await journeys.arrived(i, event)
}

async function send(i, text) {
  const { pods } = fleet
  const receipt = receipts.begin(i, pods)
  const answer = fleet.send(i, STREAM, text)
  ledger.open(i, answer)
  journeys.sent(i, answer, (peer) => pods.findIndex((pod) => pod.peer === peer))
  try {
    receipt.show(await answer)
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
    panels[i].showFault(error.message)
  }
}

function setPresence(isPresent) {
  notice.hidden = isPresent
  notice.textContent = isPresent ? '' : 'The demo has ended. Run npm start again and this page goes on.'
}
