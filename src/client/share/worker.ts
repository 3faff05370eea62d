/** The script of the SharedWorker. Its name says which connection it has. */
import { pageClock } from '../options.ts'
import { WorkerHost } from './worker-host.ts'
import { workerLock } from './worker-link.ts'

declare const name: string

const [, url, , credentials] = JSON.parse(name)
const host = new WorkerHost(
  {
    url,
    credentials: credentials === '' ? undefined : credentials,
    fetch: (input, init) => fetch(input, init),
    page: globalThis as never,
  },
  pageClock,
)

/** The tabs wait for this lock: they get it when the worker has crashed. */
const { locks } = navigator as { locks?: LockManager }
const isHeld = new Promise<void>((resolve) => {
  if (locks === undefined) return resolve()
  void locks.request(workerLock(name), () => {
    resolve()
    return new Promise(() => {})
  })
})

addEventListener('connect', (event) => {
  void isHeld.then(() => host.connect((event as MessageEvent).ports[0] as MessagePort))
})
