/** The guards of a script: which of its decisions are some, what they are called, what they go by, and what happens where one is waved through. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { type Process, Simulation } from '../../src/kernel/index.ts'
import { type Command, type GuardEvent, type Output, ok, scriptPlan, startOperator } from '../../src/operator/index.ts'
import { checkRunbook } from '../../src/operator/index.ts'
import { rehearse as rehearseScenario } from '../../src/rehearsal.ts'
import { loadScenarioWritten } from '../../src/scenario/index.ts'
import { ToyWorld, toyRegistry } from '../operator/toy.ts'

interface Told {
  readonly guards: readonly GuardEvent[]
  readonly ran: readonly string[]
  readonly outcome: string | undefined
  readonly atUs: number
}

/** `old TEXT`: prints the text, as of the beginning. */
const OLD: Command = { name: 'old', summary: 'old', check: () => [], latencyUs: () => 100_000, look: ({ argv }) => ({ output: ok(`${argv[1] ?? ''}\n`), afterUs: 50_000, stableUntilUs: 0, asOfUs: 0 }), run: function* (): Process<Output> { throw new Error('a look answered') } }

/** @param wave the guard that is to be waved through, from its first visit on */
function rehearse(script: string, { wave, values = {}, later = {} }: { readonly wave?: string; readonly values?: Readonly<Record<string, string>>; readonly later?: Readonly<Record<string, string>> } = {}): Told {
  const sim = new Simulation({ seed: '1' })
  const world = new ToyWorld(sim)
  for (const [name, value] of Object.entries(values)) world.values.set(name, value)
  for (const [name, value] of Object.entries(later)) world.at(20_000_000, name, value)
  const guards: GuardEvent[] = []
  const run = startOperator(sim, scriptPlan([{ file: 'a.sh', text: script }]), {
    registry: toyRegistry(world).register(OLD), deadlineUs: 3_600_000_000, elide: true, observer: { guard: e => guards.push(e) },
    ...(wave === undefined ? {} : { slips: { wave: (guard: string) => guard === wave } }),
  })
  sim.run()
  return { guards, ran: world.log.map(line => line.split(' ').slice(1).join(' ')), outcome: run.outcome, atUs: sim.now }
}

/** `L2 (||) yes`, with what else is to be said of it. */
const said = ({ guards }: Told): string[] => guards.map(g => [g.guard, g.passed ? 'yes' : 'no', ...(g.stopped ? ['stopped'] : []), ...(g.polls > 1 ? [`${g.polls} looks`] : []), ...(g.passed && g.waited ? ['waited'] : []), ...(g.missing ? ['no data'] : [])].join(' '))

describe('what is a guard', () => {
  const cases: readonly (readonly [what: string, script: string, told: readonly string[]])[] = [
    ['a chain that ends the script', 'flaky a || exit 1\n', ['L1 (||) no stopped']],
    ['one that is happy', 'work 1 || exit 1\n', ['L1 (||) yes']],
    ['through a function that always ends it', 'die() { echo "$*" >&2; exit 2; }\n\nflaky a || die "no a"\n', ['L3 (||) no stopped']],
    ['in a group, after some words', 'flaky a || { echo no; exit 1; }\n', ['L1 (||) no stopped']],
    ['the other way round', 'flaky a && { echo "a is up already" >&2; exit 1; }\n', ['L1 (&&) yes']],
    ['`exit 0` is an end, not a stop', 'work 1 && exit 0\n', []],
    ['a failure that only talks is none', 'flaky a || echo WARNING\n', []],
    ['if', 'if ! flaky a; then\n  echo no\n  exit 1\nfi\n', ['L1 (if) no stopped']],
    ['if, the good way first', 'if work 1; then :; else exit 1; fi\n', ['L1 (if) yes']],
    ['an if that does something else is none', 'if flaky a; then work 1; fi\n', []],
    ['case', 'case $(get mode) in\n  on) ;;\n  *) exit 1 ;;\nesac\n', ['L1 (case) no stopped no data']],
    ['case over its own arguments is none', 'case "${1:-up}" in up) ;; *) exit 2 ;; esac\n', []],
    ['set -e', 'set -e\nwork 1\nflaky a\nwork 1\n', ['L3 (set -e) no stopped']],
    ['what set -e leaves alone is none', 'set -e\nflaky a || true\n', []],
    ['a loop that waits', 'until flaky a; do sleep 5; done\n', ['L1 (until) yes 5 looks waited']],
    ['its time-out is the loop’s', 'n=0\nuntil flaky b; do\n  (( n++ < 3 )) || exit 1\n  sleep 5\ndone\n', ['L2 (until) no stopped 4 looks']],
    ['a loop that counts, and is left when all is well', 'for i in 1 2 3 4 5 6 7; do\n  flaky a && break\n  sleep 5\ndone\n', ['L1 (for) yes 5 looks waited']],
    ['such a loop that gives up and goes on', 'for i in 1 2 3; do\n  flaky b && break\n  sleep 5\ndone\nwork 1\n', ['L1 (for) no 3 looks']],
    ['a loop over lines is none', 'while read -r x; do work 1; sleep 1; done <<< "a"\n', []],
    ['in a helper it belongs to the line that called', 'retry() {\n  local n=$1; shift\n  until "$@"; do (( n-- > 0 )) || return 1; sleep 5; done\n}\n\nretry 9 flaky a || exit 1\n', ['L6 (||) yes 5 looks waited']],
    ['a checker of its own, too', 'need() {\n  [[ -n ${!1} ]] || exit 1\n}\nx=1\nneed x\nneed y\n', ['L5 (||) yes', 'L6 (||) no stopped']],
    ['`return 1` of a stage ends the script', 'set -e\nstage() {\n  work 1\n  flaky a || return 1\n  work 1\n}\nstage\n', ['L4 (||) no stopped']],
    ['…and of main, where that is the last line', 'main() {\n  work 1\n  flaky a || return 1\n  work 1\n}\nmain "$@"\n', ['L3 (||) no stopped']],
    ['in a process of its own it ends that alone', '( flaky a || exit 1 )\nwork 1\n', []],
    ['on the way back it is none', 'trap "flaky a || exit 3" EXIT\nwork 1\n', []],
    ['…nor in a function that a trap calls', 'back() {\n  work 1\n  flaky a || exit 3\n}\ntrap back EXIT\nwork 1\n', []],
    ['`return 1` where nobody minds is none', 'look() {\n  work 1\n  flaky a || return 1\n}\nlook || echo WARNING\n', []],
    ['an if with a chain in it that may end the script: the chain is the guard', 'if work 1; then\n  flaky a && exit 1\nfi\n', ['L2 (&&) yes']],
    ['where every way ends the script nothing is decided', 'if flaky a; then exit 1; else exit 2; fi\n', []],
    ['a function that ends it through one written after it', 'fail() { die "$@"; }\ndie() { exit 2; }\nflaky a || fail x\n', ['L3 (||) no stopped']],
    ['who minds a stage is no guard beside those in it', 'stage() {\n  work 1\n  flaky a || return 1\n}\nstage || exit 1\n', ['L3 (||) no stopped']],
    ['…with an if neither', 'stage() {\n  work 1\n  flaky a || return 1\n}\nif ! stage; then exit 1; fi\n', ['L3 (||) no stopped']],
    ['what only ends the script where it succeeds is no stage', 'undo() {\n  work 1\n  flaky a || return 1\n}\nif undo; then exit 3; fi\n', ['L5 (if) yes']],
    ['a stage whose failure a pipe swallows once is none', 'set -e\nstage() {\n  work 1\n  flaky a || return 1\n}\nstage | cat\nstage\n', ['L7 (set -e) no stopped']],
    ['…or a process of its own', 'set -e\nstage() {\n  work 1\n  flaky a || return 1\n}\nstage &\nwait\nstage\n', ['L8 (set -e) no stopped']],
    ['case over a variable made of an answer', 'raw=$(get mode)\nmode=${raw% *}\ncase $mode in\n  on) ;;\n  *) exit 1 ;;\nesac\n', ['L3 (case) no stopped no data']],
    ['a pause in a loop is no waiting', 'n=0\nwhile (( n++ < 3 )); do sleep 5; done\nfor i in 1 2 3; do work 1; sleep 5; done\n', []],
    ['two on one line, the first of them left by `continue` once', 'for i in 1 2; do\n  { [ $i = 2 ] || continue; work 1; } || exit 1; work 1 || exit 1\ndone\n', ['L2 (||) yes', 'L2 (||) yes']],
  ]
  test.each(cases)('%s', (_, script, told) => {
    expect(said(rehearse(script, { later: { a: 'up' } }))).toEqual(told)
  })
})

describe('what it goes by', () => {
  test('no data: an empty answer, a failed one, no number where one is needed, a test that is an error', () => {
    const passes = (script: string, values: Readonly<Record<string, string>> = {}): string[] => said(rehearse(script, { values }))
    expect(passes('n=$(get lag)\nif [ "$n" -gt 5 ]; then exit 1; fi\n')).toEqual(['L2 (if) yes no data'])
    expect(passes('n=$(get lag)\n[[ $n -lt 5 ]] || exit 1\n')).toEqual(['L2 (||) yes no data'])
    expect(passes('n=$(get lag)\n(( n < 5 )) || exit 1\n', { lag: '' })).toEqual(['L2 (||) yes no data'])
    expect(passes('raw=$(get lag)\nn=${raw%% *}\n[[ $n -lt 5 ]] || exit 1\n', { lag: '' })).toEqual(['L3 (||) yes no data'])
    expect(passes('read -r n < <(get lag)\n[[ $n -lt 5 ]] || exit 1\n', { lag: '' })).toEqual(['L2 (||) yes no data'])
    expect(passes('[ "$(get lag)" != broken ] || exit 1\n')).toEqual(['L1 (||) yes no data'])
    expect(passes('n=$(get lag)\n[[ $n -lt 5 ]] || exit 1\n', { lag: 'unknown' })).toEqual(['L2 (||) yes no data'])
    expect(passes('n=$(get lag)\n(( n < 5 )) || exit 1\n', { lag: 'unknown' })).toEqual(['L2 (||) yes no data'])
    expect(passes('n=$(get lag)\nn+=0\n[[ $n -lt 5 ]] || exit 1\n', { lag: 'unknown' })).toEqual(['L3 (||) yes no data'])
    // A log that all goes to is no answer that anybody looks at.
    expect(passes('exec > >(tee log) 2>&1\nget lag\nwork 1 || exit 1\n')).toEqual(['L3 (||) yes'])
    expect(passes('exec > >(tee log) 2>&1\n! get lag || exit 1\n')).toEqual(['L2 (||) yes'])
    // With data, and where the status is the question, there is nothing to object to.
    expect(passes('n=$(get lag)\n[[ $n -lt 5 ]] || exit 1\n', { lag: '3' })).toEqual(['L2 (||) yes'])
    expect(passes('! flaky a || exit 1\n')).toEqual(['L1 (||) yes'])
    expect(passes('x=$(get a) || exit 1\n', { a: '' })).toEqual(['L1 (||) yes'])
    // That there is nothing may be the answer; that nobody answered is none.
    expect(passes('[ -z "$(get problems)" ] || exit 1\n', { problems: '' })).toEqual(['L1 (||) yes'])
    expect(passes('[ -z "$(get problems)" ] || exit 1\n')).toEqual(['L1 (||) yes no data'])
    expect(passes('x=$(get problems)\n[[ -z $x ]] || exit 1\n', { problems: '' })).toEqual(['L2 (||) yes'])
    expect(passes('x=$(get problems)\n[[ -z $x ]] || exit 1\n')).toEqual(['L2 (||) yes no data'])
    expect(passes('get problems | grep -q ERROR && exit 1\nwork 1\n', { problems: 'none' })).toEqual(['L1 (&&) yes'])
    expect(passes('get problems | grep -q ERROR && exit 1\nwork 1\n')).toEqual(['L1 (&&) yes no data'])
    // In a function that a guard asks, too.
    expect(passes('few() {\n  local n\n  n=$(get lag)\n  [ "$n" -lt 5 ]\n}\n! few || exit 1\n')).toEqual(['L6 (||) yes no data'])
  })

  test('an answer that was old when it came: itself, through variables, and beside one that is fresh', () => {
    const stale = (script: string): (boolean | string)[] => rehearse(script, { values: { lag: '3' } }).guards.map(g => (g.passed ? g.stale : 'no'))
    expect(stale('[ "$(old 3)" = 3 ] || exit 1\n')).toEqual([true])
    expect(stale('n=$(old 3)\n[[ $n -lt 5 ]] || exit 1\n')).toEqual([true])
    expect(stale('a=$(get lag)\nb=$(old 3)\nc="$a$b"\n[[ $c -lt 50 ]] || exit 1\n')).toEqual([true])
    expect(stale('old 3 | grep -q 3 || exit 1\n')).toEqual([true])
    expect(stale('n=$(old 3)\nn=$(get lag)\n[[ $n -lt 5 ]] || exit 1\n')).toEqual([false])
  })

  test('of a loop the last look counts', () => {
    expect(said(rehearse('until [[ $(get a) == up ]]; do sleep 5; done\n', { later: { a: 'up' } }))).toEqual(['L1 (until) yes 5 looks waited'])
  })
})

describe('waved through', () => {
  test('the script goes on as if the guard had said yes; a loop is left after one look', () => {
    const waved = (wave: string, script: string): Told => rehearse(script, { wave })
    expect(waved('L1 (||)', 'flaky a || exit 1\nwork 1\n')).toMatchObject({ outcome: 'completed', ran: ['flaky a', 'work 1'] })
    expect(waved('L1 (if)', 'if ! flaky a; then exit 1; fi\nwork 1\n')).toMatchObject({ outcome: 'completed', ran: ['flaky a', 'work 1'] })
    expect(waved('L1 (if)', 'if flaky a; then work 1; else exit 1; fi\n')).toMatchObject({ outcome: 'completed', ran: ['flaky a', 'work 1'] })
    expect(waved('L1 (case)', 'case $(get x) in on) work 1 ;; *) exit 1 ;; esac\nwork 2\n')).toMatchObject({ outcome: 'completed', ran: ['work 2'] })
    expect(waved('L2 (set -e)', 'set -e\nflaky a\nwork 1\n')).toMatchObject({ outcome: 'completed', ran: ['flaky a', 'work 1'] })
    const loop = waved('L1 (until)', 'until flaky b; do sleep 5; done\nwork 1\n')
    expect(loop).toMatchObject({ outcome: 'completed', ran: ['flaky b', 'work 1'] })
    expect(said(waved('L2 (until)', 'n=0\nuntil flaky b; do (( n++ < 3 )) || exit 1; sleep 5; done\n'))).toEqual(['L2 (until) yes waited'])
    expect(waved('L2 (while)', 'n=0\nwhile (( n++ < 60 )); do flaky b && break; sleep 5; done\nwork 1\n')).toMatchObject({ outcome: 'completed', ran: ['flaky b', 'work 1'] })
    const helper = 'retry() { local n=$1; shift; until "$@"; do (( n-- > 0 )) || return 1; sleep 5; done; }\n\nretry 9 flaky b || exit 1\nwork 1\n'
    expect(waved('L3 (||)', helper)).toMatchObject({ outcome: 'completed', ran: ['flaky b', 'work 1'] })
  })

  test('nothing else changes: without a wave a script that is watched runs as one that is not', () => {
    const script = 'set -e\nfor i in 1 2 3; do flaky a && break; sleep 5; done\nn=$(get a) || true\nif [ "$n" = up ]; then work 1; else exit 4; fi\n'
    const sim = new Simulation({ seed: '1' })
    const world = new ToyWorld(sim)
    const run = startOperator(sim, scriptPlan([{ file: 'a.sh', text: script }]), { registry: toyRegistry(world), deadlineUs: 3_600_000_000, elide: true })
    sim.run()
    const watched = rehearse(script)
    expect([run.outcome, world.log.map(line => line.split(' ').slice(1).join(' ')), sim.now]).toEqual([watched.outcome, watched.ran, watched.atUs])
  })
})

describe('what a guard claims, by a comment above it', () => {
  /** Gates of one rehearsal, and the verdict on their honesty. */
  const play = (script: string): { readonly gates: readonly (readonly [string, readonly string[], boolean | undefined])[]; readonly verdict: string } => {
    const yaml = 'format: 1\nload: { writesPerSecond: 200 }\ndeadline: 1h\ncluster: { engine: postgres }\nrunbook: ./s.sh\n'
    const scenario = loadScenarioWritten({ name: 'claims', folder: '/nowhere', yaml, files: { 's.sh': script } }, engines, {})
    const result = rehearseScenario({ scenario, seed: '1', schedule: [] })
    return { gates: result.gates.map(g => [g.step, g.claims, g.honest]), verdict: result.verdicts.find(v => v.check === 'gates-honest')?.status ?? '' }
  }

  test('it is held against the truth, whose variables are those of the script; a comment changes nothing else', () => {
    const script = `leader=postgres-cluster-0
# proofroll: claims writable($leader), one-leader
kubectl exec "$leader" -- psql -Atc 'select pg_is_in_recovery()' | grep -qx f || exit 1
# proofroll: claims fenced(\${leader})
# (it is not: this only looks whether it answers)
kubectl exec "$leader" -- pg_isready -q || exit 1
n=0
# proofroll: claims one-leader
until kubectl exec postgres-cluster-1 -- psql -Atc 'select 1' > /dev/null; do
  sleep 5
  n=$((n + 1)); [ $n -gt 3 ] && exit 1
done
`
    const told = play(script)
    expect(told.gates).toEqual([['L3 (||)', ['writable(postgres-cluster-0)', 'one-leader'], true], ['L6 (||)', ['fenced(postgres-cluster-0)'], false], ['L9 (until)', ['one-leader'], true]])
    expect(told.verdict).toBe('fail')
    expect(play(script.replace('fenced', 'writable')).verdict).toBe('pass')
    // Nothing is claimed where nothing is said; and a guard that stops claims nothing.
    expect(play(script.replaceAll('proofroll: claims', 'claims')).gates.map(([, claims]) => claims)).toEqual([[], [], []])
    expect(play("# proofroll: claims one-leader\nkubectl exec postgres-cluster-0 -- psql -Atc 'select pg_is_in_recovery()' | grep -qx t || exit 1\n").gates).toEqual([['L2 (||)', ['one-leader'], undefined]])
  })

  test('one that is misspelt, or stands above no guard, is an error with its line', () => {
    const found = (script: string): string[] => checkRunbook(scriptPlan([{ file: 'a.sh', text: script }]), toyRegistry(new ToyWorld(new Simulation({ seed: '1' })))).filter(f => f.rule === 'claims').map(f => `${f.severity} ${f.place.line}: ${f.message}`)
    expect(found('# proofroll: claims cought-up(a)\nwork 1 || exit 1\n')).toEqual([expect.stringMatching(/^error 1: unknown claim `cought-up\(a\)`; did you mean `caught-up`\?/)])
    expect(found('# proofroll: claims caught-up\nwork 1 || exit 1\n')).toEqual(['error 1: the claim `caught-up` takes 1 argument(s), `caught-up` has 0'])
    expect(found('# proofroll: fenced(a)\nwork 1 || exit 1\n')).toEqual([expect.stringMatching(/^error 1: behind `# proofroll:` stands `claims`/)])
    expect(found('# proofroll: claims fenced(a)\n\n# more\nwork 1\n')).toEqual([expect.stringMatching(/^error 4: what `# proofroll: claims` says above this line goes nowhere/)])
    expect(found('# proofroll: claims fenced(a), on-version(b, 2)\nwork 1 || exit 1\n')).toEqual([])
  })
})
