import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'
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
/** Waits for browsers to connect again: `npm run test:browsers`, likewise. */
const browsers = ['test/client/browsers/**', 'test/browsers.test.ts', 'test/demo/browsers.test.ts']
/** Needs minutes of CPU time: `npm run test:long`, likewise. */
const long = 'test/**/*.long.test.ts'
/** Measures the memory, the timers or the sockets of its process, or replaces its globals. */
const alone = [
  'test/alone.test.ts',
  'test/delivery/retained.test.ts',
  'test/growth.test.ts',
  'test/instance/subscription-leaks.test.ts',
  'test/runs/run-memory.test.ts',
  'test/security/stalled.test.ts',
]

/** Twice the cores of the smallest machine, because many tests wait. */
const MAX_WORKERS = 4

// Tests start hundreds of Node processes. With its compile cache each needs less than half of the CPU time to start.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url))

export default defineConfig({
  test: {
    environment: 'node',
    reporters: ['default', new SkippedReporter()],
    // Processes, not threads: tests count the timers, listeners and heap of their own process.
    pool: 'forks',
    // Ends a test that hangs; the waits in the tests have limits of their own, which name what did not happen.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    retry: 0,
    sequence: { sequencer: LongestFirst },
    // Instances warn on the console unless they are given a logger; of a test that passes nobody wants to read that.
    silent: 'passed-only',
    projects: [
      {
        extends: true,
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: [...alone, timing, cluster, proxies, clients, frameworks, ...browsers, long],
          // A file of its own process takes half a second of CPU time to start, and most files need less for their tests.
          isolate: false,
          maxWorkers: MAX_WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: alone, maxWorkers: MAX_WORKERS, sequence: { groupOrder: 0 } },
      },
      {
        // What must happen within so many milliseconds: one after another, with the machine to themselves.
        extends: true,
        test: { name: 'timing', include: [timing], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
