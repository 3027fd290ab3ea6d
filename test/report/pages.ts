/** Campaigns of every sort, to be shown. */
import type { CampaignResult, Counterexample } from '../../src/campaign/result.ts'
import { pageData } from '../../src/report/html.ts'
import type { Told } from '../../src/report/told.ts'
import type { PageData } from '../../src/report/view/page.ts'
import { worstOf } from '../../src/campaign/index.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { fakeRehearser, fakeScenario } from '../campaign/fakes.ts'
import { fakeCampaign } from './fixture.ts'

export const EVIL = `</script><script>document.title='broken'</script><!-- <img src=x onerror="document.title='broken'"> & "quoted' {{x}} \u2028 <b>`

export function told(runs: number, faults: number): Told {
  const { result, stories } = fakeCampaign(runs, faults)
  return { result, scenario: fakeScenario, rehearsals: stories.map(({ rehearsal }) => rehearsal), twins: stories.map(({ twin }) => twin), worst: worstOf(fakeScenario, fakeRehearser, result) }
}

export function dataOf(all: readonly Told[]): PageData {
  return pageData(all, '0.1.0')
}

/** Every text that a user or a model can write says something evil. */
export function hostile(): Told {
  const base = told(20, 0)
  const harmed = (each: RehearsalResult): RehearsalResult => ({ ...each, story: { ...each.story!, faults: [{ atUs: 1e6, endUs: 2e6, kind: EVIL, target: EVIL, struck: true, why: EVIL, words: '' }], commands: [{ atUs: 1e6, step: EVIL, argv: [EVIL], code: 1, out: EVIL, err: EVIL }], members: each.story!.members.map((change) => ({ ...change, member: `${change.member}${EVIL}` })) } })
  const evil = (each: Counterexample): Counterexample => ({ ...each, evidence: EVIL, explanation: EVIL, replay: EVIL, because: each.because.map((clause) => ({ ...clause, text: EVIL })) })
  return {
    ...base,
    result: { ...base.result, scenario: EVIL, title: EVIL, resume: EVIL, counterexamples: base.result.counterexamples.map(evil), reasons: { [`aborted: ${EVIL}`]: 3 }, assumptions: [{ option: EVIL, value: EVIL, meaning: EVIL, source: EVIL }] },
    rehearsals: base.rehearsals.map(harmed),
    worst: (base.worst ?? []).map((each) => ({ ...each, rehearsal: harmed(each.rehearsal) })),
  }
}

/** One change of the runbook helps, and stands beside what went wrong. */
export function withTwin(): Told {
  const base = told(40, 2)
  const [first, ...others] = base.result.counterexamples
  const { steps } = base.rehearsals[0]!
  const explained = { ...first!.explained!, twins: { ...first!.explained!.twins, nearest: { edit: { is: 'swap' as const, step: steps[1]!.step, with: steps[2]!.step }, outcome: 'completed' as const, hash: '', fails: [] } } }
  const other = fakeRehearser.rehearse({ scenario: fakeScenario, seed: 'another', schedule: [], record: true })
  return { ...base, result: { ...base.result, counterexamples: [{ ...first!, explained }, ...others] }, twins: [{ ...other, simulatedUs: other.simulatedUs / 2 }] }
}

/** More members than a sheet of paper is high, and clients of several logs that could not write. */
export function fleet(): Told {
  const base = told(20, 0)
  const [rehearsal] = base.rehearsals
  const story = rehearsal!.story!
  const members = Array.from({ length: 48 }, (_, i) => ({ ...story.members[0]!, member: `tablet-${i}` }))
  const clients = [...new Set(story.clients.map(({ client }) => client))]
  const logs = [{ log: '-80', members: [story.members[0]!.member], clients }, { log: '80-', members: members.map(({ member }) => member), clients: ['80-/clients-1'] }]
  const windows = [...story.windows, ...[2, 4, 6, 8, 10].map((s) => ({ is: 'writesDown' as const, who: '80-/clients-1', fromUs: s * 1e6, toUs: (s + 1) * 1e6, open: false }))]
  const trace = [...story.trace, { atUs: 2e6, label: 'log.demoted', node: 'tablet-0', payload: 0, detail: 'tablet-0 is demoted while the fault process-kill lasts' }]
  return { ...base, rehearsals: base.rehearsals.map(() => ({ ...rehearsal!, story: { ...story, logs, windows, trace, members: [...story.members, ...members] } })), twins: [], worst: [] }
}

/** Nothing was rehearsed. */
export function empty(): Told {
  const base = told(1, 0)
  const none: CampaignResult = { ...base.result, runs: 0, verdict: 'held', counterexamples: [], signatures: [], checks: base.result.checks.map((check) => ({ ...check, status: 'notExercised', violations: 0, judged: 0, rate: null, ci95: null })), objectives: [], claims: [] }
  return { ...base, result: none, rehearsals: [], twins: [], worst: [] }
}

export function passing(): Told {
  const base = told(40, 0)
  return { ...base, result: { ...base.result, verdict: 'held', counterexamples: [], signatures: [], objectives: [], checks: base.result.checks.map((check) => ({ ...check, status: check.status === 'fail' ? 'pass' : check.status, violations: 0 })) }, rehearsals: [], twins: [] }
}

/** Fifty ways to fail. */
export function many(): Told {
  const base = told(40, 0)
  const [first] = base.result.counterexamples
  const all = Array.from({ length: 50 }, (_, i): Counterexample => ({ ...first!, cause: `cause-${i}`, signature: `${first!.check}/cause-${i}/${first!.step}` }))
  return { ...base, result: { ...base.result, counterexamples: all, signatures: all.map(({ check, cause, step }) => ({ check, cause, step, runs: 1, firstRun: 0 })) }, rehearsals: all.map(() => base.rehearsals[0]!), twins: [] }
}

/** A rehearsal of two hours with 100,000 recorded events: clients and members that flap, lag, commands, and steps gone through again and again. */
export function long(): Told {
  const base = told(20, 0)
  const [rehearsal] = base.rehearsals
  const story = rehearsal!.story!
  const first = { client: story.clients[0]!, member: story.members[0]!, step: rehearsal!.steps.find(({ endUs }) => endUs !== undefined)! }
  const every = <T>(n: number, make: (i: number, atUs: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i, Math.round((i * 7_200e6) / n)))
  const whole = {
    ...rehearsal!,
    simulatedUs: 7_200e6,
    steps: every(2_000, (i, atUs) => ({ ...first.step, visit: i + 1, startUs: atUs, endUs: atUs + 3e6 })),
    gates: [],
    story: {
      ...story,
      clients: every(20_000, (i, atUs) => ({ ...first.client, client: `clients-${i % 5}`, atUs, state: i % 10 < 5 ? ('writable' as const) : i % 997 === 0 ? ('failing' as const) : ('held' as const) })),
      members: every(9_000, (i, atUs) => ({ ...first.member, member: `m-${i % 9}`, atUs, running: Math.floor(i / 9) % 2 === 0 })),
      lag: every(60_000, (i, atUs) => ({ atUs, member: `m-${i % 9}`, lagUs: i === 31_234 ? 99e6 : (i % 100) * 1e4 })),
      acknowledgers: every(4_000, (i, atUs) => ({ atUs, members: i % 2 === 0 ? ['m-0', 'm-1'] : ['m-0'] })),
      commands: every(5_000, (i, atUs) => ({ atUs, step: first.step.step, argv: ['kubectl', 'get', `pod-${i}`], code: 0, out: `${i}`, err: '' })),
    },
  }
  return { ...base, rehearsals: base.rehearsals.map(() => whole), twins: [], worst: (base.worst ?? []).map((each) => ({ ...each, rehearsal: whole })) }
}
