// Measures what README.md states and writes it between its markers: npm run figures
// Takes a few minutes; the figures are of the model, so they are the same on every machine.
import { readFileSync, writeFileSync } from 'node:fs'
import { loadScenario, runCampaign } from '../dist/src/index.js'

// 0 = leave the table without faults as it is.
const RUNS = Number(process.argv[2] ?? 200)
// 0 = leave the table of faults as it is.
const FAULT_RUNS = Number(process.argv[3] ?? 2000)

const seconds = value => (value >= 60 ? `${Math.floor(value / 60)} min ${Math.round(value % 60)} s` : value >= 10 ? `${value.toFixed(0)} s` : `${value.toFixed(1)} s`)
const count = value => Math.round(value).toLocaleString('en-US')
const dollars = value => `$${value.toFixed(2)}`
const often = (check, runs) => (check === undefined || check.violations === 0 ? 'never' : check.violations === runs ? 'always' : `${check.violations} of ${runs}`)

async function measured(name, faults, runs) {
  const { result } = await runCampaign(loadScenario(name), { runs, seed: '1', faults, jobs: 2 })
  return result
}

const ROWS = [
  'postgres-ferris-wheel/quick',
  'postgres-ferris-wheel/as-documented',
  'postgres-ferris-wheel/fenced',
  'postgres-ferris-wheel/quorum',
  'postgres-rotate-in-place/as-documented',
  'postgres-rotate-in-place/fenced',
  'blue-green/service-switch',
  'blue-green/managed',
  'blue-green/guarded',
  'blue-green/dns-weights',
  'redis-rolling-replace/as-documented',
  'redis-rolling-replace/after-node-timeout',
  'redis-rolling-replace/no-persistence',
  'redis-rolling-replace/verified',
  'mongodb-step-down/as-documented',
  'mongodb-step-down/naive',
  'mongodb-step-down/verified',
  'couchdb-step-down/as-documented',
  'memcached-rolling-replace/as-documented',
  'vitess-rolling/operator-immediate',
  'vitess-rolling/operator-external',
  'vitess-rolling/primary-last',
  'vitess-kernel/primary-last',
  'dual-write-migration/as-documented',
  'dual-write-migration/verified',
  'watched-canary/as-documented',
  'watched-canary/verified',
  'schema-migration/init-container',
  'schema-migration/expand-contract',
  'postgres-operator/rolling-minor',
  'postgres-operator/in-place-major',
]

async function faultFree() {
  const lines = ['| scenario | claimed downtime | measured p50 / p99 | acknowledged writes lost, p50 / max | split brain | serves at the end | versions mixed, p50 | extra cost, p50 |', '|---|---|---|---|---|---|---|---|']
  for (const name of ROWS) {
    const r = await measured(name, 0, RUNS)
    const m = r.measures
    const check = id => r.checks.find(c => c.id === id)
    const claim = r.claims.find(c => c.measure === 'writeDowntimeSeconds')
    const serves = check('serves-at-end')
    lines.push(`| \`${name}\` | ${claim === undefined ? '–' : claim.claimed === 0 ? 'none' : `≤ ${seconds(claim.claimed)}`} | ${seconds(m.writeDowntimeSeconds.p50)} / ${seconds(m.writeDowntimeSeconds.p99)} | ${count(m.lostAcknowledgedWrites.p50)} / ${count(m.lostAcknowledgedWrites.max)} | ${often(check('no-split-brain'), r.runs)} | ${serves.violations === 0 ? 'always' : serves.violations === r.runs ? 'never' : `${r.runs - serves.violations} of ${r.runs}`} | ${seconds(m.mixedVersionSeconds.p50)} | ${dollars(m.extraCostDollars.p50)} |`)
    process.stderr.write(`${name}: done\n`)
  }
  return lines.join('\n')
}

/** The corrected runbooks, each with up to so many faults. */
const FAULTED = [
  ['postgres-ferris-wheel/fenced', 1],
  ['postgres-ferris-wheel/fenced', 2],
  ['postgres-ferris-wheel/quorum', 2],
  ['redis-rolling-replace/verified', 2],
  ['mongodb-step-down/verified', 2],
  ['vitess-rolling/primary-last', 2],
  ['postgres-operator/rolling-minor', 2],
  ['postgres-operator/in-place-major', 2],
]

async function faulted() {
  const lines = ['| scenario | up to | rehearsals (struck) | completed / rolled back / aborted / stuck | runbook lost writes | inherent loss, max | split brain |', '|---|---|---|---|---|---|---|']
  for (const [name, faults] of FAULTED) {
    const r = await measured(name, faults, FAULT_RUNS)
    const check = id => r.checks.find(c => c.id === id)
    const o = r.outcomes
    const share = n => `${((100 * n) / r.runs).toFixed(1)} %`
    lines.push(`| \`${name}\` | ${faults} fault${faults === 1 ? '' : 's'} | ${count(r.runs)} (${share(r.struck)}) | ${share(o.completed)} / ${share(o.rolledBack)} / ${share(o.aborted)} / ${o.stuck} | ${often(check('no-acknowledged-write-lost'), r.runs)} | ${count(r.measures.inherentLostWrites.max)} | ${often(check('no-split-brain'), r.runs)} |`)
    process.stderr.write(`${name} with ${faults}: done\n`)
  }
  return lines.join('\n')
}

function put(text, marker, body) {
  const begin = `<!-- ${marker} -->`
  const end = `<!-- /${marker} -->`
  const at = text.indexOf(begin)
  if (at < 0) throw new Error(`README.md has no marker ${begin}`)
  const to = text.indexOf(end)
  return `${text.slice(0, at)}${begin}\n${body}\n${to < 0 ? end : text.slice(to)}${to < 0 ? text.slice(at + begin.length) : ''}`
}

let readme = readFileSync('README.md', 'utf8')
if (RUNS > 0) readme = put(readme, 'table', await faultFree())
if (FAULT_RUNS > 0) readme = put(readme, 'faults', await faulted())
writeFileSync('README.md', readme)
