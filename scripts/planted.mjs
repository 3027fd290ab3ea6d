/** `npm run planted -- [--table] [beginning of an id…]`: see test/planted/README.md. Vite reads the TypeScript; nothing is built. */
import { fileURLToPath } from 'node:url'
import { runnerImport } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const { module } = await runnerImport(`${root}test/planted/run.ts`, { configFile: false, root, logLevel: 'error' })
process.exitCode = await module.main(process.argv.slice(2))
