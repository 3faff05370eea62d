import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SkippedReporter } from './test/support/skipped-reporter.ts'

const timing = 'test/**/*.timing.test.ts'
/** Needs root and a built control plane: `npm run test:cluster`, with a configuration of its own. */
const cluster = 'test/cluster/**'
/** Needs many proxies: `npm run test:proxies`, likewise. */
const proxies = 'test/proxies/**'
/** Installs packages of four languages: `npm run test:clients`, with a configuration of its own. */
const clients = 'test/clients/**'
/** Installs frameworks, or runs an example in a browser: `npm run test:frameworks`, likewise. */
const frameworks = 'test/{browser,chat,frameworks,recipes}/**'
/** Opens many tabs of browsers: `npm run test:browsers`, likewise. */
const browsers = 'test/client/browsers/**'
/** Needs minutes of CPU time: `npm run test:long`, likewise. */
const long = 'test/**/*.long.test.ts'

// Tests start hundreds of Node processes. With its compile cache each needs less than half of the CPU time to start.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url))

export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', new SkippedReporter()],
    // Processes, not threads: tests count the timers, listeners and heap of their own process.
    pool: 'forks',
    testTimeout: 10_000,
    hookTimeout: 10_000,
    retry: 0,
    // Instances warn on the console unless they are given a logger; of a test that passes nobody wants to read that.
    silent: 'passed-only',
    projects: [
      {
        extends: true,
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: [timing, cluster, proxies, clients, frameworks, browsers, long],
          // One more than the smallest machine has cores, because many tests wait.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // What must happen within so many milliseconds: one after another, with the machine to themselves.
        extends: true,
        test: { name: 'timing', include: [timing], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
