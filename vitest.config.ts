import { defineConfig } from 'vitest/config'

const timing = 'test/**/*.timing.test.ts'

export default defineConfig({
  test: {
    environment: 'node',
    // Processes, not threads: tests count the timers, listeners and heap of their own process.
    pool: 'forks',
    testTimeout: 10_000,
    hookTimeout: 10_000,
    retry: 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: [timing],
          maxWorkers: 2,
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
