import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { plantedPlugin } from './test/planted/plugin.ts'

export default defineConfig({
  // The examples import what a user does; here that is the source.
  resolve: { alias: { 'proofroll/vitest': new URL('src/vitest.ts', import.meta.url).pathname } },
  // A defect of test/planted, while its tests are tried against it; otherwise none.
  plugins: plantedPlugin(fileURLToPath(new URL('.', import.meta.url)), process.env.PROOFROLL_PLANTED),
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
