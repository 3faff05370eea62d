import { defineConfig } from 'vitest/config'
import { SkippedReporter } from './test/support/skipped-reporter.ts'

export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', new SkippedReporter()],
    include: ['test/client/browsers/**/*.test.ts', 'test/browsers.test.ts', 'test/demo/browsers.test.ts'],
    pool: 'forks',
    // Each file has a browser, which mostly waits.
    maxWorkers: 2,
    retry: 0,
    // Longer than the waits in the tests, which name what did not happen.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
