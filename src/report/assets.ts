/** Files that are built into the package (`scripts/build-assets.mjs`): the page's program and style, the chart renderer, the fonts. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The folder lies beside the compiled `src`, in the repository and when installed. @throws Error when nothing was built */
export function assetPath(name: string): string {
  for (const up of ['../../assets/', '../../dist/assets/']) {
    const file = fileURLToPath(new URL(`${up}${name}`, import.meta.url))
    if (existsSync(file)) return file
  }
  throw new Error(`report: ${name} was not built; run \`npm run build\``)
}

export function readAsset(name: string): string {
  return readFileSync(assetPath(name), 'utf8')
}

/** Loads a CommonJS program of the package. */
export function requireAsset<T>(name: string): T {
  return createRequire(import.meta.url)(assetPath(name)) as T
}
