/** A Vite plugin that changes lines of the source on their way into a test. Without patches there is no plugin, and nothing differs. */
import { relative, sep } from 'node:path'
import type { Plugin } from 'vite'
import type { Patch } from './defect.ts'

/** @param json patches (`Patch[]`), or undefined */
export function plantedPlugin(root: string, json: string | undefined): Plugin[] {
  if (json === undefined) return []
  const patches = JSON.parse(json) as Patch[]
  return [
    {
      name: 'planted',
      enforce: 'pre',
      transform(code, id) {
        const file = relative(root, id.split('?')[0] ?? id).split(sep).join('/')
        const own = patches.filter(patch => patch.file === file)
        return own.length === 0 ? undefined : own.reduce((text, { find, replace }) => text.replace(find, () => replace), code)
      },
    },
  ]
}
