// For the tests: Chromium, as the system installs it.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

const path = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find(existsSync)

/** Why the tests that need a browser are skipped, or false. */
export const skip = path === undefined && 'needs chromium'

export async function launch() {
  const browser = await chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-gpu'] })
  const context = await browser.newContext()
  return { page: await context.newPage(), [Symbol.asyncDispose]: () => browser.close() }
}

/** Opens a page; resolves with the texts of its list on demand. */
export async function openOrders(url: string) {
  const { page, [Symbol.asyncDispose]: close } = await launch()
  await page.goto(url)
  return {
    page,
    /** Resolves when the list has these items, each once. */
    async shows(...items: string[]) {
      const isShown = (expected: string) =>
        JSON.stringify(Array.from(document.querySelectorAll('#orders > li'), (li) => li.textContent)) ===
        expected
      await page.waitForFunction(isShown, JSON.stringify(items)).catch(async (cause) => {
        throw new Error(
          `expected ${items}, the page shows ${await page.locator('#orders > li').allTextContents()}`,
          {
            cause,
          },
        )
      })
    },
    [Symbol.asyncDispose]: close,
  }
}
