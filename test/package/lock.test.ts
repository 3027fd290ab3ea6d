import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { missing } from '../../scripts/lock-check.mjs'

const build = (os: string, cpu: string, libc?: string): object => ({ version: '1.0.0', optional: true, os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) })
const complete = {
  'node_modules/fast': { version: '1.0.0', optionalDependencies: { '@fast/linux-x64-gnu': '1.0.0', '@fast/linux-x64-musl': '1.0.0', '@fast/linux-arm64-gnu': '1.0.0', '@fast/darwin-arm64': '1.0.0', '@fast/win32-x64-msvc': '1.0.0' } },
  'node_modules/@fast/linux-x64-gnu': build('linux', 'x64', 'glibc'),
  'node_modules/@fast/linux-x64-musl': build('linux', 'x64', 'musl'),
  'node_modules/@fast/linux-arm64-gnu': build('linux', 'arm64', 'glibc'),
  'node_modules/@fast/darwin-arm64': build('darwin', 'arm64'),
  'node_modules/@fast/win32-x64-msvc': build('win32', 'x64'),
}

test('this package’s lock has every platform', () => {
  expect(missing(JSON.parse(readFileSync('package-lock.json', 'utf8')))).toEqual([])
})

test('a complete family is accepted, also nested under the package that needs it; a single optional package is no family', () => {
  expect(missing({ packages: complete })).toEqual([])
  const nested = Object.fromEntries(Object.entries(complete).map(([path, entry]) => [path === 'node_modules/fast' ? path : `node_modules/fast/${path}`, entry]))
  expect(missing({ packages: nested })).toEqual([])
  expect(missing({ packages: { 'node_modules/a': { version: '1.0.0', optionalDependencies: { fsevents: '1' } }, 'node_modules/fsevents': build('darwin', 'x64') } })).toEqual([])
})

test('what is missing is named', () => {
  const { 'node_modules/@fast/darwin-arm64': _gone, 'node_modules/@fast/linux-x64-gnu': _gone2, ...rest } = complete
  expect(missing({ packages: rest })).toEqual([
    'node_modules/fast@1.0.0: @fast/linux-x64-gnu is not in the lock',
    'node_modules/fast@1.0.0: @fast/darwin-arm64 is not in the lock',
    'node_modules/fast@1.0.0: no build for linux-x64-gnu',
    'node_modules/fast@1.0.0: no build for darwin-arm64',
  ])
})
