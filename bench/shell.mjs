/** What the shell's interpreter costs: microseconds of CPU for each kind of command, and a script's rehearsal beside that of its steps, taking turns. */
import { cpuSeconds, median } from './measure.mjs'

const dist = path => new URL(`../dist/${path}`, import.meta.url).href
const PASSES = 4000

/** Each is one command of a loop's body; the loop itself with `:` in it is taken off. `get` is a program of the simulated world that prints a line. */
const COMMANDS = {
  'true': 'true', 'x=$i': 'x=$i', '[ "$i" -lt 5 ]': '[ "$i" -lt 5 ] || :', '[[ $i == x* ]]': '[[ $i == x* ]] || :', '(( i > 5 ))': '(( i > 5 )) || :', 'a function': 'f a b', 'a function with locals': 'g a b || :',
  'y=$(echo a)': 'y=$(echo a)', 'a program': 'get a', 'y=$(program)': 'y=$(get a)', 'timeout 5 program': 'timeout 5 get a', 'sleep 1': 'sleep 1', 'grep with a here-string': 'grep -c . <<< "$i" || :',
}
const FUNCTIONS = 'f() { :; }\ng() { local a=$1 b=$2; [[ $a == "$b" ]]; }\n'

async function perCommand(rounds) {
  const [{ Simulation, NEVER }, { CommandRegistry }, { MemoryFiles, ScriptRun, parseScript }] = await Promise.all(['src/kernel/index.js', 'src/operator/index.js', 'src/operator/shell/index.js'].map(path => import(dist(path))))
  const get = { name: 'get', summary: 'prints a line', check: () => [], latencyUs: () => 1000, look: () => ({ output: { out: '1\n', err: '', code: 0 }, afterUs: 1, stableUntilUs: NEVER }), *run() {} }
  const nowhere = { write: () => true }
  const seconds = script => cpuSeconds(() => {
    const sim = new Simulation({ seed: '1' })
    const host = { sim, registry: new CommandRegistry('the bench').register(get), files: new MemoryFiles(new Map()), key: 'bench', user: 'root', hostname: 'bench', epochSeconds: 0, missing: 'unsupported', remembers: true }
    sim.spawn(new ScriptRun(host, script, { name: 'bench.sh', env: { HOME: '/root', PATH: '/bin' }, out: nowhere, err: nowhere }).run())
    sim.run()
  })
  const loop = body => parseScript(`${FUNCTIONS}for (( i = 0; i < ${PASSES}; i++ )); do ${body}; done\n`, 'bench.sh')
  const scripts = [['', loop(':')], ...Object.entries(COMMANDS).map(([name, body]) => [name, loop(body)])]
  const times = new Map(scripts.map(([name]) => [name, []]))
  for (const [, script] of scripts) seconds(script)
  for (let round = 0; round < rounds; round++) for (const [name, script] of scripts) times.get(name).push(seconds(script))
  const base = median(times.get(''))
  return Object.fromEntries(scripts.slice(1).map(([name]) => [name, Math.max(0, ((median(times.get(name)) - base) / PASSES) * 1e6)]))
}

/** CPU seconds a rehearsal of a script and of its steps, up to two faults, checks and hash on; the script is parsed once. */
async function besideSteps(rounds, runs) {
  const { loadScenario, rehearse, runSeed, scheduleFor } = await import(dist('src/index.js'))
  const names = ['postgres-ferris-wheel/fenced', 'postgres-ferris-wheel/fenced-script']
  const scenarios = names.map(name => loadScenario(name))
  const batch = (scenario, round) => cpuSeconds(() => {
    for (let run = round * runs; run < (round + 1) * runs; run++) rehearse({ scenario, seed: runSeed('bench', run), schedule: scheduleFor(scenario, 'bench', run, 2) })
  }) / runs
  for (const scenario of scenarios) for (let round = 0; round < 2; round++) batch(scenario, round)
  const times = scenarios.map(() => [])
  for (let round = 0; round < rounds; round++) scenarios.forEach((scenario, i) => times[i].push(batch(scenario, round)))
  const [steps, script] = times.map(list => 1 / median(list))
  return { steps, script, ratio: steps / script }
}

/** @param quick fewer rounds */
export async function benchShell(quick) {
  return { microseconds: await perCommand(quick ? 3 : 7), rehearsals: await besideSteps(quick ? 3 : 5, quick ? 40 : 120) }
}
