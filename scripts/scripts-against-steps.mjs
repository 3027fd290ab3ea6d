/**
 * Each corrected runbook as a shell script beside its steps: outcomes, failed checks and measures of the same number of rehearsals on the same seeds, without
 * faults and with up to two. Anchors of faults are lines here and steps there, so with faults the two meet different ones of the same distribution.
 *
 *   npm run build && node scripts/scripts-against-steps.mjs [PAIR=RUNS…]      writes docs/scripts-against-steps.md (only the rows of the pairs named, if any)
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadScenario, rehearse, runSeed, scheduleFor } from '../dist/src/index.js'

const PAIRS = {
  'postgres-ferris-wheel/fenced': 200, 'postgres-ferris-wheel/quorum': 200, 'postgres-rotate-in-place/fenced': 200, 'blue-green/guarded': 200,
  'mongodb-step-down/verified': 200, 'redis-rolling-replace/verified': 200, 'vitess-rolling/primary-last': 200,
}
const FILE = fileURLToPath(new URL('../docs/scripts-against-steps.md', import.meta.url))
const MEASURES = [['writeDowntimeSeconds', 'downtime, s'], ['durationSeconds', 'duration, s'], ['mixedVersionSeconds', 'mixed, s'], ['failedAttempts', 'failed attempts'], ['lostAcknowledgedWrites', 'lost writes']]

const quantile = (list, share) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(share * list.length))] ?? 0
const short = value => (value >= 1e6 ? `${(value / 1e6).toFixed(1)}M` : value >= 100 ? String(Math.round(value)) : value === 0 ? '0' : value.toFixed(1))

function tried(name, runs, faults) {
  const scenario = loadScenario(name)
  const outcomes = { completed: 0, rolledBack: 0, aborted: 0, stuck: 0 }
  const failed = {}
  const measures = Object.fromEntries(MEASURES.map(([id]) => [id, []]))
  for (let run = 0; run < runs; run++) {
    const result = rehearse({ scenario, seed: runSeed('1', run), schedule: scheduleFor(scenario, '1', run, faults) })
    outcomes[result.outcome] += 1
    for (const check of new Set(result.verdicts.filter(v => v.status === 'fail').map(v => v.check))) failed[check] = (failed[check] ?? 0) + 1
    for (const [id] of MEASURES) measures[id].push(result.measures[id] ?? 0)
  }
  const cells = MEASURES.map(([id]) => `${short(quantile(measures[id], 0.5))} / ${short(quantile(measures[id], 0.95))}`)
  const checks = Object.entries(failed).map(([check, count]) => `${check} ${count}`).join(', ')
  return `| ${Object.values(outcomes).join(' / ')} | ${checks === '' ? 'none' : checks} | ${cells.join(' | ')} |`
}

const asked = process.argv.slice(2).map(word => word.split('='))
const known = new Map()
if (existsSync(FILE)) for (const line of readFileSync(FILE, 'utf8').split('\n')) if (line.startsWith('| `')) known.set(line.split('|').slice(1, 5).join('|'), line)
for (const [name, runs] of asked.length > 0 ? asked.map(([name, runs]) => [name, Number(runs ?? PAIRS[name])]) : Object.entries(PAIRS)) {
  for (const key of known.keys()) if (key.includes(`\`${name}\``)) known.delete(key)
  for (const faults of [0, 2]) {
    for (const [form, scenario] of [['steps', name], ['script', `${name}-script`]]) {
      const key = ` \`${name}\` | ${faults === 0 ? 'none' : `up to ${faults}`} | ${form} | ${runs} `
      known.set(key, `|${key}${tried(scenario, runs, faults)}`)
    }
  }
}
const order = Object.keys(PAIRS)
const rows = [...known.values()].toSorted((a, b) => order.findIndex(n => a.includes(`\`${n}\``)) - order.findIndex(n => b.includes(`\`${n}\``)))
writeFileSync(FILE, `# Scripts against steps

Each corrected runbook exists as steps and as a shell script (\`SCENARIO-script\`), written as somebody would write it in bash. Both were rehearsed on the same
seeds; measures are p50 / p95. With faults the two meet different ones of the same distribution, because the anchors of one are steps and of the other lines.
Made by \`node scripts/scripts-against-steps.mjs\`.

| runbook | faults | form | rehearsals | completed / rolled back / aborted / stuck | checks that failed | ${MEASURES.map(([, title]) => title).join(' | ')} |
|---|---|---|---|---|---|${MEASURES.map(() => '---|').join('')}
${rows.join('\n')}
`)
console.log(`${FILE}: ${rows.length} rows`)
