import { defineConfig } from 'vitest/config'
import { SkippedReporter } from './test/support/skipped-reporter.ts'

export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', new SkippedReporter()],
    include: ['test/**/*.long.test.ts'],
    // A file starts processes for both cores.
    maxWorkers: 1,
    pool: 'forks',
    testTimeout: 180_000,
    hookTimeout: 180_000,
    retry: 0,
    silent: 'passed-only',
  },
})
