// Measures what a rehearsal costs as clusters and loads grow, and writes docs/cost-growth.md with its charts. After `npm run build`:
// node scripts/cost-growth.mjs [beginning of a scenario's name: only those are measured, and what the page has of others stays]. CPU time of this process, one after the other; a busy machine makes all of it dearer, ratios stay.
import { readFileSync, writeFileSync } from 'node:fs'
import { loadScenario, rehearse, runSeed } from '../dist/src/index.js'
import { growthChart } from '../dist/src/report/charts/relations.js'
import { drawSvg } from '../dist/src/report/charts/draw.js'
import { LIGHT } from '../dist/src/report/charts/palette.js'

const REDIS = 'redis-rolling-replace/as-documented'
const MONGODB = 'mongodb-step-down/naive'
const VITESS = 'vitess-rolling/primary-last'
/** Wave by wave of one shard a fleet of 1,024 tablets takes more than its deadline of a day. */
const WAVES = { 'cluster.shardsPerWave': '8', deadline: '100h' }
const SERIES = [
  { id: 'redis', title: 'Redis Cluster: CPU of a rehearsal by shards of two nodes', scenario: REDIS, option: 'cluster.shards', sizes: [[3, 12], [10, 6], [30, 3], [100, 2]] },
  { id: 'mongodb', title: 'MongoDB: CPU of a rehearsal by members', scenario: MONGODB, option: 'cluster.members', sizes: [[3, 15], [5, 12], [7, 10]] },
  { id: 'vitess', title: 'Vitess, eight shards a wave: CPU of a rehearsal by tablets', scenario: VITESS, option: 'cluster.fleet', set: WAVES, sizes: [[32, 20], [128, 8], [256, 6], [512, 5], [1024, 5]] },
  { id: undefined, title: 'Vitess, one shard a wave, by tablets', scenario: VITESS, option: 'cluster.fleet', set: { deadline: '100h' }, note: ' (one shard a wave)', sizes: [[32, 12], [1024, 3]] },
  { id: undefined, title: 'Redis Cluster by load', scenario: REDIS, option: 'load.writesPerSecond', sizes: [[10, 12], [1_000, 12], [100_000, 12]] },
  { id: undefined, title: 'MongoDB by load', scenario: MONGODB, option: 'load.writesPerSecond', sizes: [[10, 12], [1_000, 12], [100_000, 12]] },
]

/** CPU milliseconds of each of some rehearsals without faults, and the events of the last. */
function measure(name, option, size, runs, set = {}) {
  const scenario = loadScenario(name, { ...set, [option]: String(size) })
  const times = []
  let events = 0
  for (let run = 0; run < runs; run++) {
    const { user, system } = process.cpuUsage()
    events = rehearse({ scenario, seed: runSeed('1', run), schedule: [] }).eventsRun
    const spent = process.cpuUsage({ user, system })
    times.push((spent.user + spent.system) / 1000)
  }
  times.sort((a, b) => a - b)
  return { size, p50: times[Math.floor((times.length - 1) / 2)], max: times.at(-1), runs, events }
}

const [beginning = ''] = process.argv.slice(2)
const chosen = ({ scenario }) => scenario.startsWith(beginning)
// The first rehearsals pay for compilation.
if (chosen({ scenario: REDIS })) measure(REDIS, 'cluster.shards', 3, 10)
if (chosen({ scenario: MONGODB })) measure(MONGODB, 'cluster.members', 3, 10)
if (chosen({ scenario: VITESS })) measure(VITESS, 'cluster.fleet', 32, 40, WAVES)
/** The rows of the page as it is. */
const before = readFileSync('docs/cost-growth.md', 'utf8').split('\n').filter(line => line.startsWith('| `'))
const number = value => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US'))
const rows = []
for (const { id, title, scenario, option, sizes, set, note = '' } of SERIES) {
  const name = `| \`${scenario}\`${note} | \`${option}\` |`
  if (!chosen({ scenario })) {
    rows.push(...before.filter(line => line.startsWith(name)))
    continue
  }
  const points = sizes.map(([size, runs]) => measure(scenario, option, size, runs, set))
  const [first] = points
  for (const [i, { size, p50, events, runs }] of points.entries()) {
    const last = points[i - 1]
    const exponent = last === undefined || option.startsWith('load') ? '' : (Math.log(p50 / last.p50) / Math.log(size / last.size)).toFixed(1)
    rows.push(`${name} ${size.toLocaleString('en-US')} | ${runs} | ${number(p50)} ms | ${(p50 / first.p50).toFixed(2)} | ${exponent} | ${events.toLocaleString('en-US')} |`)
  }
  if (id !== undefined) writeFileSync(`docs/cost-growth-${id}.svg`, drawSvg({ width: 900, height: 420, config: growthChart({ option, measures: [{ name: 'CPU of a rehearsal', unit: 'ms', points }] }, LIGHT, title) }))
  process.stderr.write(`${title}: done\n`)
}
writeFileSync(
  'docs/cost-growth.md',
  `# What a rehearsal costs as it grows

CPU of one rehearsal without faults, median; how many times that of the first row of its series; and the power of the size it grew with since the row
before (1 = in proportion). Shards of a Redis Cluster are two nodes each. Among 2N nodes each pings each within half the node time-out, and a packet
tells of a tenth of them: the traffic of a real bus grows faster than its nodes, and so does ours. Vitess is rolled wave by wave, eight shards of four
tablets a wave unless said otherwise.

| scenario | varied | value | rehearsals | CPU | times | power | events |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

![Redis Cluster](cost-growth-redis.svg)

![MongoDB](cost-growth-mongodb.svg)

![Vitess](cost-growth-vitess.svg)

Written by \`node scripts/cost-growth.mjs\` after \`npm run build\`.
`,
)
