import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The examples import what a user does; here that is the source.
  resolve: { alias: { 'proofroll/vitest': new URL('src/vitest.ts', import.meta.url).pathname } },
  test: {
    environment: 'node',
    globals: false,
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['dist/**', 'node_modules/**'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A property that fails prints its seed and counterexample; keep them whole.
    chaiConfig: { truncateThreshold: 0 },
  },
})
