import { Chat } from './chat.js'
import { Pods } from './pods.js'

const guide = document.querySelector('.guide')
const pods = new Pods(document.querySelector('.pods'))
const chats = [
  new Chat(1, 'Tell me a story about the night train.'),
  new Chat(2, 'Tell me a story about the lighthouse.'),
]
document.querySelector('.chats').append(...chats.map(({ element }) => element))

for (const chat of chats) chat.addEventListener('change', showAll)
pods.addEventListener('change', poll)

// Not an event stream: a browser opens six connections to a host over HTTP/1.1, and each tab has two for its answers.
setInterval(poll, 500)
await poll()

/** Asks the balancer which Pods run. */
async function poll() {
  if (document.hidden) return
  const response = await fetch('fleet').catch(() => undefined)
  if (response?.ok !== true) return
  pods.show(await response.json())
  showAll()
}

function showAll() {
  pods.showWork(chats)
  guide.textContent = step()
}

/** The next thing to try. */
function step() {
  const isWriting = chats.some(({ isRunning }) => isRunning)
  const has = (state) => chats.some(({ status }) => status === state)
  if (has('lost'))
    return 'The Pod that wrote the answer has died: each reader was told, and its text is kept. Ask again.'
  if (pods.some('killed') || pods.some('starting'))
    return 'The Pod starts again, as a kubelet would see to. Within seconds each reader of its answer is told.'
  if (!isWriting && has('cancelled'))
    return 'Stopped, on whichever Pod it ran. Ask again, and kill the Pod that writes.'
  if (!isWriting) return 'Ask a question, or both.'
  if (performance.getEntriesByType('navigation')[0]?.type !== 'reload')
    return 'Reload the page: the answer goes on, through another Pod.'
  return 'Open this page in another tab, and stop an answer there. Or kill the Pod that writes.'
}
