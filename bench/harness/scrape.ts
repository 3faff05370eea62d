import type { Sser } from '../../src/index.ts'

/** Scrapes the metrics of a Pod once a second, 15 times as often as with `scrape_interval: 15s`. */
export function scrape({ opsRoutes }: Sser): void {
  setInterval(async () => {
    const response = await opsRoutes.request('/metrics')
    if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`)
    await response.text()
  }, 1_000).unref()
}
