import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../support/until.ts'
import { type ClusterFleet, urlOf } from './fleet.ts'
import type { RunningPod } from './rig/kubelet/running-pod.ts'

const START_MS = 60_000

/** Adds a Pod; resolves with the milliseconds from its phase Running to a client's first event of another Pod. */
export async function arrival(fleet: ClusterFleet): Promise<number> {
  const known = new Set(fleet.rig.pods)
  const scaling = fleet.scale(fleet.pods.length + 1)
  let pod: RunningPod | undefined
  const isRunning = () => {
    pod = fleet.pods.find((each) => !known.has(each) && each.object.status.phase === 'Running')
    return pod !== undefined
  }
  await until('the added Pod is Running', isRunning)
  const since = performance.now()
  await firstEvent(pod as RunningPod)
  const ms = performance.now() - since
  await scaling
  await fleet.scale(fleet.pods.length - 1)
  return ms
}

/** Reads the first event. Retries until the Pod responds, because a Pod is Running before it listens. */
async function firstEvent(pod: RunningPod): Promise<void> {
  const end = performance.now() + START_MS
  for (;;) {
    try {
      const signal = AbortSignal.timeout(START_MS)
      const { body } = await fetch(`${urlOf(pod.ip)}/events?stream=stream-0`, { signal })
      let text = ''
      for await (const chunk of body ?? []) {
        text += new TextDecoder().decode(chunk)
        if (/^data:/m.test(text)) return
      }
    } catch (error) {
      if (performance.now() > end) throw error
    }
    await delay(5)
  }
}
