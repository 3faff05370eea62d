// A worker that is no Pod: it publishes the progress of its jobs over HTTP, as a BullMQ processor would.
import { Hono } from 'hono'
import type { Sser } from 'sser'

/** The part of a job of BullMQ that is used here. */
export interface Job {
  id: string
  data: { rows: number }
  attemptsMade: number
}

/** Returns a processor: `new Worker('reports', createProcessor(process.env.WEB_URL, process.env.PUBLISH_TOKEN))`. */
export function createProcessor(url: string, token: string, send: typeof fetch = fetch) {
  const publish = async (job: Job, event: string, data: object) => {
    const target = `${url}/publish?${new URLSearchParams({ stream: `job:${job.id}`, event })}`
    const headers = {
      authorization: `Bearer ${token}`,
      // A second attempt of a job sends nothing twice, for as long as the log keeps the first.
      'idempotency-key': `${event}:${JSON.stringify(data)}`,
    }
    const response = await send(target, { method: 'POST', headers, body: JSON.stringify(data) })
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  }
  return async (job: Job) => {
    for (let percent = 25; percent <= 100; percent += 25) {
      // … the work …
      await publish(job, 'progress', { percent })
    }
    await publish(job, 'end', { rows: job.data.rows })
    return { rows: job.data.rows }
  }
}

/** The web Pods. */
export function createApp(sser: Sser) {
  return new Hono().route('/events', sser.routes).route('/publish', sser.publishRoutes)
}
