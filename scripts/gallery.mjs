#!/usr/bin/env node
/**
 * Makes the gallery: of each engine one scenario that fails and one that holds, and a comparison of two patterns, as reports in
 * `reports/gallery/`. Deterministic but for the picture of the page, which is taken where there is a Chromium. Three pictures go to `docs/` for README.
 *
 * usage: npm run gallery
 */
import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { builtInScenarios } from '../dist/src/scenario/index.js'
import { main } from '../dist/src/cli/program.js'
import { readResults } from '../dist/src/cli/results.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = 'reports/gallery'
const RUNS = '100'
/** Of each engine or pattern one that fails and one that holds, the first that is there; with what options, where not by itself. */
const EXAMPLES = {
  postgres: { failing: ['postgres-ferris-wheel/as-documented'], passing: ['postgres-ferris-wheel/fenced'] },
  redis: { failing: ['redis-rolling-replace/as-documented'], passing: ['redis-rolling-replace/corrected', 'redis-rolling-replace/verified', 'redis-rolling-replace/fenced'] },
  mongodb: { failing: ['mongodb-step-down/naive'], passing: ['mongodb-step-down/verified'] },
  // None of its scenarios fails without faults.
  vitess: { failing: ['vitess-rolling/operator-immediate'], passing: ['vitess-rolling/primary-last'], options: ['--faults', '2'] },
  'blue-green': { failing: ['blue-green/service-switch', 'blue-green/as-documented'], passing: ['blue-green/guarded', 'blue-green/corrected'] },
}
/** Two patterns that hold, with as many members each: one machine after the other, and a second cluster beside the first. */
const COMPARED = ['postgres-ferris-wheel/fenced', 'blue-green/guarded', '--own-clusters', '--set', 'cluster.members=3']
/** What no reader of the gallery needs: it must stay small. Counterexamples stay, for `replay`. */
const NOT_KEPT = /(?:\.svg|result\.json|story\.txt|junit\.xml|comparison\.(?:json|txt)|\.partial)$/

process.chdir(ROOT)
const quiet = { out: () => {}, err: () => {}, watched: false }

async function run(command, ...argv) {
  return main([command, ...argv, '--quiet'], { ...quiet })
}

/** Those of an entry's names that this package has. */
function examplesOf(entry) {
  const known = builtInScenarios()
  const first = names => names.find(name => known.includes(name))
  return { failing: first(entry.failing), passing: first(entry.passing) }
}

function prune(folder) {
  rmSync(join(folder, 'traces'), { recursive: true, force: true })
  for (const name of readdirSync(folder, { recursive: true })) if (NOT_KEPT.test(String(name))) rmSync(join(folder, String(name)), { force: true })
}

/** A picture of the page's viewer, where there is a browser. */
async function picture(page, file) {
  const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(each => each !== undefined && existsSync(each))
  if (executablePath === undefined) return console.log('no Chromium: no picture of the page')
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const tab = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
  await tab.goto(pathToFileURL(page).href)
  await tab.waitForTimeout(500)
  const box = await tab.locator('.failure').first().boundingBox()
  await tab.screenshot({ path: file, fullPage: true, clip: { x: 0, y: box.y - 10, width: 1280, height: 1050 } })
  await browser.close()
}

rmSync(OUT, { recursive: true, force: true })
const shown = []
for (const [engine, entry] of Object.entries(EXAMPLES)) {
  const examples = examplesOf(entry)
  for (const is of ['failing', 'passing']) {
    if (examples[is] === undefined) continue
    const folder = join(OUT, `${engine}-${is}`)
    const { options = [] } = entry
    await run('run', examples[is], '--runs', RUNS, ...options, '--report', folder)
    const [result] = readResults(join(folder, 'result.json'))
    if ((result.verdict === 'held') !== (is === 'passing')) {
      console.log(`${examples[is]} ${result.verdict}: it is no example of one that is ${is}`)
      rmSync(folder, { recursive: true, force: true })
      examples[is] = undefined
      continue
    }
    shown.push(`| \`${[examples[is], ...options].join(' ')}\` | ${result.verdict} | [page](${engine}-${is}/index.html), [Markdown](${engine}-${is}/report.md) |`)
    prune(folder)
    console.log(folder, examples[is])
  }
}
{
  const folder = join(OUT, 'comparison')
  await run('compare', ...COMPARED, '--runs', RUNS, '--report', folder)
  copyFileSync(join(folder, 'charts', 'difference-A-B.png'), 'docs/rolling-or-blue-green.png')
  shown.push(`| ${COMPARED.slice(0, 2).map(each => `\`${each}\``).join(' against ')} | | [page](comparison/index.html), [Markdown](comparison/comparison.md) |`)
  prune(folder)
}
writeFileSync(join(OUT, 'README.md'), `# Gallery\n\nMade by \`npm run gallery\` (${RUNS} rehearsals each, seed 1). GitHub shows HTML as text: download a page and open it, it needs no network.\n\n| scenario | verdict | report |\n|---|---|---|\n${shown.join('\n')}\n`)
const first = Object.keys(EXAMPLES).find(engine => existsSync(join(OUT, `${engine}-failing`)))
if (first !== undefined) {
  const charts = join(OUT, `${first}-failing/charts`)
  const [scenario] = readdirSync(charts)
  copyFileSync(join(charts, scenario, 'timeline.png'), 'docs/timeline.png')
  await picture(join(ROOT, OUT, `${first}-failing/index.html`), 'docs/report.png')
}
