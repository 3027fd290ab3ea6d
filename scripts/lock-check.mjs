#!/usr/bin/env node
/**
 * Not every version of a package has every platform's binary in the registry, and a lock made from such a version installs nothing on the
 * missing ones: `npm ci` succeeds and the tool fails later. So: every package of the lock that comes in platform builds must have the four
 * platforms that people use, and every optional package it names must be locked.
 *
 * usage: node scripts/lock-check.mjs [package-lock.json]      exit 1 when something is missing
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PLATFORMS = [
  { name: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc' },
  { name: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64' },
  { name: 'win32-x64', os: 'win32', cpu: 'x64' },
]

/** What is missing, one line each. */
export function missing(lock) {
  const packages = lock.packages ?? {}
  const find = (from, name) => {
    // As node resolves: the nearest node_modules on the way up.
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const entry = packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]
      if (entry !== undefined) return entry
      if (at === '') return undefined
      if (!at.includes('/node_modules/')) at = ''
    }
  }
  const lines = []
  for (const [path, entry] of Object.entries(packages)) {
    const builds = Object.keys(entry.optionalDependencies ?? {})
    const locked = builds.map(name => ({ name, entry: find(path, name) }))
    const isPlatform = ({ name, entry: e }) => e?.os !== undefined || e?.cpu !== undefined || /(?:linux|darwin|win32)-(?:x64|arm64)/.test(name)
    const family = locked.filter(isPlatform)
    if (family.length < 2) continue
    for (const { name, entry: e } of family) if (e === undefined) lines.push(`${path}@${entry.version}: ${name} is not in the lock`)
    const fits = (e, p) => (e?.os ?? []).includes(p.os) && (e?.cpu ?? []).includes(p.cpu) && (p.libc === undefined || e.libc === undefined || e.libc.includes(p.libc))
    for (const p of PLATFORMS) if (!family.some(({ entry: e }) => fits(e, p))) lines.push(`${path}@${entry.version}: no build for ${p.name}`)
  }
  return lines
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = process.argv[2] ?? fileURLToPath(new URL('../package-lock.json', import.meta.url))
  const lines = missing(JSON.parse(readFileSync(file, 'utf8')))
  for (const line of lines) console.error(line)
  console.log(lines.length === 0 ? 'lock: every platform package is complete' : `lock: ${lines.length} missing`)
  if (lines.length > 0) process.exitCode = 1
}
