import { existsSync, readFileSync } from 'node:fs'

/** This package's version, from its package.json (which lies above `src` in the repository and above `dist/src` when installed). */
export const version: string = readVersion()

function readVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    const file = new URL(up, import.meta.url)
    if (!existsSync(file)) continue
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string }
    if (name === 'proofroll' && version !== undefined) return version
  }
  return 'unknown'
}
