/** Engines bundled as JavaScript, for worker threads: a thread cannot load TypeScript. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('../..', import.meta.url))
const toy = `${root}test/toy/engine.ts`

/**
 * Writes a module that exports `engines`.
 * @param name of the file, one a test file: they run side by side
 * @param text the module, in which `TOY` stands for the toy engine's file
 * @returns its address
 */
export async function bundleEngines(name: string, text: string): Promise<string> {
  // Beside the packages, so that the bundle finds them; by process, so that two checkouts that share them do not meet.
  const folder = `${root}node_modules/.cache/proofroll`
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/${name}-${process.pid}.mjs`
  const build = await rolldown({
    input: 'engines',
    external: /^(?:node:|[^./\0])/,
    plugins: [{ name: 'engines', resolveId: (id) => (id === 'engines' ? '\0engines' : id === toy ? toy : null), load: (id) => (id === '\0engines' ? text.replaceAll('TOY', JSON.stringify(toy)) : null) }],
  })
  await build.write({ file, format: 'esm' })
  await build.close()
  return pathToFileURL(file).href
}
