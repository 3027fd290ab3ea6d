#!/usr/bin/env node
/**
 * What a user gets: packs the package, installs the tarball into an empty folder and does the first things a user does.
 * Run by `.ci/run`, not by vitest: it needs the registry.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'proofroll-package-'))
let failed = 0

/** Runs a command; says whether it ended with one of `codes` and whether `then` holds. */
function step(title, command, args, codes = [0], then = () => true) {
  const began = process.hrtime.bigint()
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })
  const seconds = (Number(process.hrtime.bigint() - began) / 1e9).toFixed(1)
  let fault = error?.message ?? (codes.includes(status) ? undefined : `exit ${status}, expected ${codes.join(' or ')}`)
  try {
    if (fault === undefined && !then(stdout)) fault = 'not the expected output'
  } catch (thrown) {
    fault = String(thrown)
  }
  console.log(`${fault === undefined ? 'ok  ' : 'FAIL'} ${title} (${seconds} s)${fault === undefined ? '' : `: ${fault}\n${stdout}${stderr}`}`)
  if (fault !== undefined) failed += 1
  return fault === undefined
}

function firstCommands() {
  step('npx proofroll --help', 'npx', ['--no', 'proofroll', '--', '--help'], [0], out => out.includes('run'))
  step('npx proofroll list', 'npx', ['--no', 'proofroll', 'list'], [0], out => out.includes('/'))
  step('npx proofroll init postgres', 'npx', ['--no', 'proofroll', 'init', 'postgres'], [0], () => readdirSync(folder, { recursive: true }).some(name => String(name).endsWith('.yaml') && !String(name).includes('node_modules')))
  // 0: the objectives held, 1: they did not. Both are an answer; 2 and 3 are not.
  step('npx proofroll run --runs 50', 'npx', ['--no', 'proofroll', '--', 'run', '--runs', '50', '--json', 'result.json'], [0, 1], () => {
    const results = [JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'))].flat()
    return results.length > 0 && results.every(r => r.format === 1 && r.runs === 50)
  })
  // The charts are drawn by a renderer, a canvas and a font that the package brings: nothing was compiled, and no system font is needed.
  step('npx proofroll report with charts', 'npx', ['--no', 'proofroll', '--', 'report', 'result.json', '--report', 'rehearsal', '--quiet'], [0, 1], () => {
    const files = readdirSync(join(folder, 'rehearsal'), { recursive: true }).map(String)
    const pictures = files.filter(name => name.endsWith('.png'))
    return files.includes('index.html') && pictures.length > 0 && pictures.every(name => readFileSync(join(folder, 'rehearsal', name)).length > 20_000)
  })
  step('import of the public API', 'node', ['-e', "import('proofroll').then(api => { if (Object.keys(api).length === 0) process.exit(9) })"])
  step('import of proofroll/vitest where there is no vitest', 'node', ['-e', "import('proofroll/vitest').then(suite => suite.expectRehearsal(suite.rehearsal(suite.scenario('postgres-ferris-wheel/fenced'))).toHold())"])
  for (const inside of ['README.md', 'LICENSE', 'schemas/scenario.schema.json', 'schemas/runbook.schema.json']) {
    const there = existsSync(join(folder, 'node_modules/proofroll', inside))
    console.log(`${there ? 'ok  ' : 'FAIL'} the package contains ${inside}`)
    if (!there) failed += 1
  }
}

/** The example, as a project beside the installed package: what it imports is in the tarball. */
function exampleSuite() {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  if (!step('npm install of vitest', 'npm', ['install', '--save-dev', `vitest@${devDependencies.vitest}`, `vite@${devDependencies.vite}`, '--no-audit', '--no-fund'])) return
  cpSync(join(ROOT, 'examples/vitest'), join(folder, 'suite'), { recursive: true })
  step('npx vitest run of examples/vitest', 'npx', ['--no', 'vitest', 'run', '--root', 'suite'], [0], out => /Tests\s+\d+ passed/.test(out.replace(/\u001b\[\d+m/g, '')))
}

try {
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "version": "1.0.0", "private": true, "type": "module" }')
  const packed = step('npm pack', 'npm', ['pack', ROOT, '--pack-destination', folder, '--silent'])
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))
  // Without an installed package the rest says nothing; npx --no never fetches a namesake from the registry.
  if (packed && step('npm install of the tarball', 'npm', ['install', `./${tarball}`, '--omit=dev', '--no-audit', '--no-fund'])) {
    firstCommands()
    exampleSuite()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed === 0 ? 0 : 1
