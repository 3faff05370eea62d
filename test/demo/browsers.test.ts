import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browsers } from '../support/browser.ts'
import { Demo, endDemos, freePorts } from '../support/demo.ts'
import { openPage, type Page } from '../support/page.ts'
import { within } from '../support/until.ts'

/** Time limit of the page, because a browser and four processes share two cores with other tests. */
const SHOW_MS = 30_000

/** A panel: the connection of its browser, and the events that this received, oldest first. */
interface Panel {
  client: string
  id: string
  gaps: number
  /** As `event 5, sent through Pod 1, missed, replayed by Pod 3`. */
  events: string[]
}

/** Runs in the page. */
const PANELS = `[...document.querySelectorAll('.panel')].map((panel) => {
  const textsOf = (parent, parts) => [...parent.querySelectorAll(parts)].map((part) => part.textContent)
  return {
    client: textsOf(panel, '.client-state')[0],
    id: textsOf(panel, '.last-id code')[0],
    gaps: panel.querySelectorAll('.gap').length,
    events: [...panel.querySelectorAll('.event')].reverse().map((event) => {
      return textsOf(event, '.text, .marks span').join(', ')
    }),
  }
})`

// A test that failed halfway leaves nothing behind either.
afterAll(endDemos)

let demo: Demo

beforeAll(async () => {
  // The Pods inherit it: the id of a quiet stream moves with each heartbeat.
  process.env.HEARTBEAT_MS = '1000'
  demo = new Demo(...(await freePorts()).flags)
  await demo.url()
})

for (const installed of browsers) {
  const title = `the demo page (needs ${installed.name})`
  describe.skipIf(!installed.path)(title, () => {
    let page: Page
    /** As they shall be shown, but for a replay. */
    const sent: string[] = []

    const panels = () => page.read<Panel[]>(PANELS)
    const click = (label: string) => page.read(`document.querySelector('[aria-label="${label}"]').click()`)

    /** Waits, in the page, until an expression about its `panels` holds. */
    async function shows(condition: string, ms = SHOW_MS): Promise<void> {
      const shown = page.read(`new Promise((resolve) => {
      const look = () => {
        const panels = ${PANELS}
        if (panels.length === 3 && (${condition})) resolve(true)
        else setTimeout(look, 50)
      }
      look()
    })`)
      await within(`the page shows ${condition}`, shown, ms)
    }

    const clientIs = (pod: number, state: string) => shows(`panels[${pod - 1}].client === '${state}'`)

    async function kill(pod: number): Promise<void> {
      await click(`Kill Pod ${pod}`)
      await page.read(`new Promise((resolve) => {
        const look = () => document.querySelector('[aria-label="Restart Pod ${pod}"]') ? resolve() : setTimeout(look, 50)
        look()
      })`)
    }

    /** Sends an event through each of these Pods, one after the other has arrived `at` the clients of those. */
    async function send(pods: number[], at: number[]): Promise<string[]> {
      const from = sent.length
      for (const pod of pods) {
        const text = `event ${sent.length + 1}`
        sent.push(`${text}, sent through Pod ${pod}`)
        await page.read(`document.querySelector('#message').value = '${text}'`)
        await click(`Send through Pod ${pod}`)
        await arrived(at)
      }
      return sent.slice(from)
    }

    async function arrived(at: number[]): Promise<void> {
      const last = `(event) => event.startsWith('${sent.at(-1)}')`
      for (const pod of at) await shows(`panels[${pod - 1}].events.some(${last})`)
    }

    beforeAll(async () => {
      for (const [i, { state }] of (await demo.pods()).entries())
        if (state === 'stopped') await demo.control(i + 1, 'restart')
      page = await openPage(installed, await demo.url())
      for (const pod of [1, 2, 3]) await clientIs(pod, `connected to Pod ${pod}`)
    })

    afterAll(() => page?.close())

    test('the id of a quiet stream moves with the heartbeat', async () => {
      await shows(`panels.every(({ id }) => id.includes('-'))`)
      const before = await panels()
      for (const { url } of await demo.pods()) {
        const busy = await fetch(`${url}/send?stream=busy`, { method: 'POST', body: 'not for this page' })
        expect(busy.status).toBe(202)
      }
      const ids = JSON.stringify(before.map(({ id }) => id))
      await shows(`panels.every(({ id }, i) => id !== ${ids}[i])`)
      const withoutId = ({ id: _, ...panel }: Panel) => panel
      expect((await panels()).map(withoutId)).toEqual(before.map(withoutId))
    })

    test('a browser continues at another Pod: nothing is lost or doubled, and a replayed event names its Pod', async () => {
      await send([1, 2, 3, 2], [1, 2, 3])

      await kill(2)
      await clientIs(2, 'waiting for Pod 2')
      const missed = await send([1, 3, 1, 3], [1, 3])
      await click('Move Browser 2 to Pod 3')
      await clientIs(2, 'connected to Pod 3')
      await arrived([2])
      await send([3, 1], [1, 2, 3])

      // Now without a hand: the browser comes back by itself.
      await kill(3)
      for (const pod of [2, 3]) await clientIs(pod, 'waiting for Pod 3')
      const missedAgain = await send([1, 1], [1])
      await click('Restart Pod 3')
      await arrived([2, 3])
      await send([3, 1], [1, 2, 3])

      const shown = await panels()
      const replayed = (events: string[]) =>
        sent.map((event) => (events.includes(event) ? `${event}, missed, replayed by Pod 3` : event))
      expect(shown.map(({ events }) => events)).toEqual([
        sent,
        replayed([...missed, ...missedAgain]),
        replayed(missedAgain),
      ])
      expect(shown.map(({ gaps }) => gaps)).toEqual([0, 0, 0])
    }, 120_000)
  })
}
