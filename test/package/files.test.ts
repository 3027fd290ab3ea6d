/** What README points at is in the package. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('every relative link of README leads into the package', () => {
  const root = new URL('../..', import.meta.url)
  const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' })
  const files = (JSON.parse(packed.stdout) as { files: { path: string }[] }[])[0]?.files.map(file => file.path) ?? []
  const links = [...readFileSync(new URL('README.md', root), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)].map(match => match[1] as string)
    // The pictures are drawn by a script; until they are, there is nothing to pack.
    .filter(link => existsSync(new URL(link, root)))
  expect(links.length).toBeGreaterThan(3)
  expect(links.filter(link => !files.some(file => file === link || file.startsWith(`${link.replace(/\/$/, '')}/`)))).toEqual([])
  expect(files.filter(file => /^(?:src|models)\//.test(file) && !file.endsWith('README.md'))).toEqual([])
})
