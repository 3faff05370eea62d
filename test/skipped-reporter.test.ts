import { expect, test } from 'vitest'
import { summarize } from './support/skipped-reporter.ts'

test('the summary counts the skipped tests of each missing program', () => {
  const titles = [
    'the demo page (needs chromium) > shows three Pods',
    'the demo page (needs chromium) > reconnects',
    'alerts are PromQL (needs promtool)',
    'a clone is bounded',
  ]
  expect(summarize(titles)).toContain('chromium (2), promtool (1)')
})

test('no summary is printed when no program is missing', () => {
  expect(summarize(['a clone is bounded'])).toBeUndefined()
})
