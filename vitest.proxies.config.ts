import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SkippedReporter } from './test/support/skipped-reporter.ts'

/** What `.ci/proxies` installs. */
const programs = fileURLToPath(new URL('.proxies/bin', import.meta.url))

export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', new SkippedReporter()],
    include: ['test/proxies/**/*.test.ts'],
    // One machine has the addresses of one matrix.
    maxWorkers: 1,
    pool: 'forks',
    env: { PATH: `${programs}:${process.env.PATH}` },
    retry: 0,
    // Longer than the waits in the tests, which name what did not happen.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
})
