import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/cluster/**/*.test.ts'],
    // One machine has one rig at a time, and the rig needs all of it.
    maxWorkers: 1,
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 120_000,
    retry: 0,
  },
})
