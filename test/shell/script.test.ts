/** A script as a runbook: its lines are steps, faults and operators find their anchors there, and what it overlooks is told before any run. */
import { describe, expect, test } from 'vitest'
import { Simulation } from '../../src/kernel/index.ts'
import { type OperatorObserver, type OperatorOptions, type OperatorRun, UnsupportedError, checkRunbook, scriptPlan, startOperator } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from '../operator/toy.ts'

interface Told {
  readonly run: OperatorRun
  readonly phases: string[]
  readonly log: string[]
  readonly atUs: number
}

/** `work NAME` takes a second, `./set K V` sets, `fail N` fails: the toy's commands. */
function rehearse(text: string, options: { readonly files?: readonly string[]; readonly deadlineUs?: number; readonly act?: (sim: Simulation, run: () => OperatorRun) => void; readonly slips?: OperatorOptions['slips'] } = {}): Told {
  const sim = new Simulation({ seed: '1' })
  const world = new ToyWorld(sim)
  const phases: string[] = []
  const observer: OperatorObserver = { phase: e => phases.push(`${e.step}#${e.visit} ${e.phase}${e.command === undefined ? '' : ` ${e.command} ${e.argv?.join(' ')}`}`) }
  const plan = scriptPlan([text, ...(options.files ?? [])].map((t, i) => ({ file: `${'abc'[i]}.sh`, text: t })))
  const run = startOperator(sim, plan, { registry: toyRegistry(world), deadlineUs: options.deadlineUs ?? 3_600_000_000, elide: true, observer, ...(options.slips === undefined ? {} : { slips: options.slips }) })
  options.act?.(sim, () => run)
  sim.run()
  return { run, phases, log: world.log, atUs: sim.now }
}

const commands = (told: Told): string[] => told.log.map(line => line.split(' ').slice(1).join(' '))

describe('a script as a runbook', () => {
  test('its steps are the lines that start a program or wait; a pass of a loop is a new visit', () => {
    const told = rehearse('#!/bin/bash\nx=1\nfor i in 1 2; do\n  ./set k $i; sleep 2\ndone\nif fail 1; then echo no; fi\n')
    expect(told.run.outcome).toBe('completed')
    expect(told.phases).toEqual([
      'L4#1 start', 'L4#1 await 1 ./set k 1', 'L4#1 await 2 sleep 2', 'L4#1 end',
      'L4#2 start', 'L4#2 await 1 ./set k 2', 'L4#2 await 2 sleep 2', 'L4#2 end',
      'L6#1 start', 'L6#1 await 1 fail 1', 'L6#1 end',
    ])
    expect(commands(told)).toEqual(['./set k 1', './set k 2', 'fail 1'])
    expect(told.atUs).toBeGreaterThanOrEqual(4_000_000)
  })

  test('a status other than 0 ends it, with the line; several scripts run in order until one fails', () => {
    expect(rehearse('./set a 1\nexit 3\n', { files: ['./set b 1\n'] })).toMatchObject({ run: { outcome: 'aborted', reason: 'a.sh ended with status 3 at line 2; the last line it printed: a set' } })
    const both = rehearse('./set a 1\n', { files: ['./set b 1\n'] })
    expect(both.run.outcome).toBe('completed')
    expect(both.phases.filter(p => p.endsWith('start'))).toEqual(['a.sh:1#1 start', 'b.sh:1#1 start'])
  })

  test('a failed command is passed over without set -e, and ends the script with it', () => {
    expect(commands(rehearse('fail 1\n./set a 1\n'))).toEqual(['fail 1', './set a 1'])
    const strict = rehearse('set -e\nfail 1\n./set a 1\n')
    expect(commands(strict)).toEqual(['fail 1'])
    expect(strict.run.outcome).toBe('aborted')
  })

  test('a trap that takes things back makes it rolled back; one that fails, or does nothing, does not', () => {
    expect(rehearse('trap "./set a 0" EXIT\n./set a 1\nexit 1\n').run.outcome).toBe('rolledBack')
    expect(rehearse('trap "fail 1" EXIT\n./set a 1\nexit 1\n').run.outcome).toBe('aborted')
    expect(rehearse('trap "echo bye" EXIT\nexit 1\n').run.outcome).toBe('aborted')
  })

  test('killed, no trap runs; whoever takes over runs it from the top', () => {
    const told = rehearse('trap "./set undone 1" EXIT\n./set a 1\nsleep 60\n./set b 1\n', {
      act: (sim, run) => {
        sim.after(10_000_000, () => run().kill())
        sim.after(20_000_000, () => run().resume())
      },
    })
    expect(commands(told)).toEqual(['./set a 1', './set a 1', './set b 1', './set undone 1'])
    expect(told.run.outcome).toBe('completed')
    expect(told.run.journal.entries.filter(e => e.what === 'killed' || e.what === 'resumed').map(e => `${e.what} ${e.step}`)).toEqual(['killed L3', 'resumed L3'])
  })

  test('turning back is Ctrl-C: the traps run', () => {
    const turn = (script: string): Told => rehearse(script, { act: (sim, run) => void sim.after(10_000_000, () => expect(run().turnBack()).toBe(true)) })
    const trapped = turn('trap "./set a 0; exit 1" INT\n./set a 1\nsleep 60\n./set b 1\n')
    expect(commands(trapped)).toEqual(['./set a 1', './set a 0'])
    expect(trapped.run.outcome).toBe('rolledBack')
    expect(turn('./set a 1\nsleep 60\n').run).toMatchObject({ outcome: 'aborted', reason: 'interrupted with Ctrl-C at L2, and the script has no trap' })
  })

  test('mistakes: a line left out, another word typed', () => {
    const left = rehearse('./set a 1\n./set b 1\n', { slips: { decide: step => (step === 'L1' ? 'skip' : undefined) } })
    expect(commands(left)).toEqual(['./set b 1'])
    expect(commands(rehearse('./set a 1\n', { slips: { retype: argv => argv.map(w => (w === 'a' ? 'z' : w)) } }))).toEqual(['./set z 1'])
  })

  test('an endless loop, endless output and a fork bomb end it as stuck, with the line', () => {
    expect(rehearse('x=1\nwhile :; do x=$((x+1)); done\n').run).toMatchObject({ outcome: 'stuck', reason: 'a.sh: line 2: an endless loop: 200,000 commands ran and none of them waited for anything' })
    expect(rehearse('a=x\nwhile true; do a=$a$a; echo $a; done\n').run.outcome).toBe('stuck')
    expect(rehearse(':(){ :|:& };:\nsleep 5\n').run.outcome).toBe('stuck')
    expect(rehearse('yes\n').run.outcome).toBe('stuck')
    expect(rehearse('until fail 1; do sleep 5; done\n', { deadlineUs: 60_000_000 }).run).toMatchObject({ outcome: 'stuck', reason: 'the deadline passed in line 1: until fail 1; do sleep 5; done' })
  })

  test('nothing outside is read or written', () => {
    expect(rehearse('rm -rf --no-preserve-root /; cat /etc/passwd; echo pwned > /tmp/proofroll-outside; (exec 3<>/dev/tcp/127.0.0.1/80) 2>/dev/null\n').run.outcome).toBe('aborted')
    expect(() => rehearse('wget http://x/\n')).toThrow(UnsupportedError)
    // A program that would never end, or never stop printing, is refused by name, not waited for.
    for (const filter of ['[range(1e9)]|length', 'last(range(0;1e9))', '[range(0;1e9;1)]|length', '0|until(false;.+1)', '[0|while(true;.+1)]', '[limit(3;range(1e9))]|length==3 and ([range(1e9)]|length)']) expect(() => rehearse(`jq -n '${filter}'\n`)).toThrow('a jq filter that never ends')
  })
})

test('what a script overlooks, and what a rehearsal does not have, is told before any run', () => {
  const script = `#!/bin/bash
N=$(get count)
if [ "$N" -lt 2 ]; then exit 1; fi
./set a $N
until get ready; do sleep 5; done
f() { local v=$(get x); echo "$v"; }
X=$(get y | tr -d ' ')
crul http://x
grep --frob y
`
  const findings = checkRunbook(scriptPlan([{ file: 'a.sh', text: script }]), toyRegistry(new ToyWorld(new Simulation({ seed: '1' }))))
  expect(findings.map(f => `${f.place.line} ${f.severity} ${f.rule}`).sort()).toEqual([
    '3 warning guard-without-data', '4 warning failure-passed-over', '4 warning unquoted', '5 warning unbounded-wait', '6 warning status-hidden', '7 warning result-never-read', '7 warning status-hidden', '8 error unsupported', '9 error unsupported',
  ])
})

test('its guards are the lines that can stop it, or hold it up, because of what a command shows', () => {
  const guards = (text: string): string[] => [...(scriptPlan([{ file: 'a.sh', text }]).script?.guards ?? [])]
  const place = (text: string): string[] => guards(text).filter(id => scriptPlan([{ file: 'a.sh', text }]).byId.has(id))
  expect(place('./set a 1\nwork 1 || exit 1\nwork 2 || echo no\n')).toEqual(['L2'])
  expect(place('die() { echo "$1"; exit 1; }\nif ! work 1; then die no; fi\nif work 2; then echo yes; fi\n')).toEqual(['L2'])
  expect(place('[ "$(work 1)" = t ] || exit 1\n[[ $(work 2) == t ]] || exit 1\nx=$(work 3)\necho "$(work 4)" || exit 1\n')).toEqual(['L1', 'L2'])
  expect(place('until work 1; do\n  sleep 1\ndone\nwork 2 | grep -q x || exit 1\nfor i in 1 2; do\n  work 3 && break\ndone\n')).toEqual(['L1', 'L4', 'L6'])
})
