import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/clients/**/*.test.ts'],
    pool: 'forks',
    retry: 0,
    testTimeout: 10_000,
  },
})
