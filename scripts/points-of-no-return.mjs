// Measures from where there is no way back in the built-in scenarios whose name begins so (default: postgres-) and writes docs/points-of-no-return.md.
// Only the rollbacks of each sweep, without faults: node scripts/points-of-no-return.mjs [beginnings, with commas] [lucks]
// What the page has of other scenarios stays. `blue-green/guarded@vitess`: on another engine that the scenario takes (`onEngine:`); a beginning without @ takes all, and with a $ at
// its end only the scenario of that very name.
import { readFileSync, writeFileSync } from 'node:fs'
import { builtInScenarios, loadScenario, runCampaign } from '../dist/src/index.js'

const [beginnings = 'postgres-', lucks = '8'] = process.argv.slice(2)
const strategy = { kind: 'sweep', lucks: 1, strengths: 'usual', pairs: false, rollbacks: { alone: Number(lucks), underFault: 0 } }
const WORDS = { 'no-acknowledged-write-lost': 'acknowledged writes lost', 'serves-at-end': 'not serving', terminates: 'past the deadline', 'undo-failed': 'an undo step failed' }

/** Runs the rollback cells alone: the others come before them, and what came of the first tells where they are. */
async function measure(name) {
  const [path, engine] = name.split('@')
  const whole = loadScenario(path, engine === undefined ? {} : { 'cluster.engine': engine })
  const scenario = { ...whole, faults: { ...whole.faults, kinds: [] } }
  const { blocks } = (await runCampaign(scenario, { seed: '1', strategy, runs: 1 })).result.sweep
  const nth = blocks.findIndex(({ id }) => id === 'rollback')
  const firstRun = blocks.slice(0, nth).reduce((sum, { size }) => sum + size, 0)
  const { result } = await runCampaign(scenario, { seed: '1', strategy, firstRun, runs: blocks[nth].size })
  return result.pointOfNoReturn
}

const PAGE = 'docs/points-of-no-return.md'
/** Each scenario on its own engine, and on the others that it takes. */
const known = builtInScenarios().flatMap(name => [name, ...loadScenario(name).alsoOn.map(engine => `${name}@${engine}`)])
const rows = new Map([...readFileSync(PAGE, 'utf8').matchAll(/^\| `([^`]+)` \|.*$/gm)].filter(([, name]) => known.includes(name)).map(([row, name]) => [name, row]))
/** What there is so far: a scenario that takes too long loses nothing of those before it. */
function write() {
  writeFileSync(
    PAGE,
  `# Points of no return

From where turning back loses acknowledged writes, ends without service, passes the deadline, or fails in one of its undo steps. The operator turns back at
every step boundary of the runbook as it runs without faults; the first boundary from which one of these happens is the point. \`proofroll sweep SCENARIO\`
prints it for yours, also under each kind of fault, and fails \`rollback-safe\` where it comes before the one that the runbook declares (an undo step that fails
with nothing lost is told, and not judged). A runbook without an undo has no way back to begin with: there "turning back" is to stop where it is.

| scenario | declared | measured | how | boundaries × lucks |
|---|---|---|---|---|
${[...rows.keys()].sort().map(name => rows.get(name)).join('\n')}

Written by \`node scripts/points-of-no-return.mjs\` after \`npm run build\`.
`,
  )
}

for (const name of known.filter(each => beginnings.split(',').some(beginning => `${each}$`.startsWith(beginning)))) {
  const { declared, measured, boundaries, seeds } = await measure(name)
  const where = measured === null ? 'none: turning back ends well from every boundary' : measured.step === '-' ? `before the first step` : `once \`${measured.step}\` has begun`
  const how = measured === null ? '' : `turning back before \`${measured.before}\`: ${measured.broke.map(check => WORDS[check]).join(', ')} in ${measured.runs} of ${measured.tried}`
  rows.set(name, `| \`${name}\` | ${declared === null ? '–' : `\`${declared}\``} | ${where} | ${how} | ${boundaries} × ${seeds} |`)
  write()
  process.stderr.write(`${name}: done\n`)
}
