import { MINUTE, SECOND } from '../kernel/index.ts'
import type { FaultSpec, Range } from './family.ts'
import type { Anchor } from './schedule.ts'

const AT_ONCE: Range = { min: 0, usual: 0, max: 0, source: 'a mistake is made in a moment; what it does to the cluster stays [J]' }

type Mistake = Pick<FaultSpec, 'kind' | 'doc' | 'strikes' | 'magnitude' | 'ofSteps'> & { readonly phases: NonNullable<FaultSpec['phases']>; readonly step: string }

/** A mistake at the keyboard: it takes no member away by itself, and a runbook need not survive it unless its scenario says so. */
function mistake({ kind, doc, strikes, magnitude, ofSteps, phases, step }: Mistake): FaultSpec {
  const at: Anchor = { step, path: 'forward', visit: 1, phase: phases[0] ?? 'start', command: 1, offsetUs: 0 }
  return {
    kind, family: 'operator', doc, strikes, aimsAt: 'elsewhere', durationUs: AT_ONCE, magnitude, budget: 'never', mayLast: false, onlyWhenNamed: 'operator-error', ...(ofSteps === undefined ? {} : { ofSteps }), phases,
    example: { kind, target: 'operator', at, durationUs: 0, magnitude: magnitude?.usual ?? 0 },
  }
}

/** Faults of the operator: those that the injector itself carries out, for every engine. */
export const operatorFaults: readonly FaultSpec[] = [
  {
    kind: 'operator-killed',
    family: 'operator',
    doc: "The operator's process dies where it stands and is started again after the duration; it goes on from its journal.",
    strikes: 'the operator, wherever it waits',
    aimsAt: 'elsewhere',
    durationUs: { min: SECOND, usual: 30 * SECOND, max: 15 * MINUTE, source: 'a controller restarts in seconds, a person comes back to a dead terminal in minutes [J]' },
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    example: {
      kind: 'operator-killed',
      target: 'operator',
      at: { step: 'stop-old-primary', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 500_000 },
      durationUs: 30 * SECOND,
      magnitude: 0,
    },
  },
  {
    kind: 'operator-rolls-back',
    family: 'operator',
    doc: 'The operator decides to roll back, wherever it is on the way forward: as if the open step had failed with `otherwise: rollback`. A runbook without any undo is aborted instead.',
    strikes: 'the operator at work on the way forward',
    aimsAt: 'elsewhere',
    durationUs: AT_ONCE,
    magnitude: undefined,
    budget: 'never',
    mayLast: false,
    onlyWhenNamed: 'strategy',
    example: { kind: 'operator-rolls-back', target: 'operator', at: { step: 'promote', path: 'forward', visit: 1, phase: 'end', command: 1, offsetUs: 0 }, durationUs: 0, magnitude: 0 },
  },
  mistake({
    kind: 'operator-skips',
    doc: 'A step is passed over, with everything it holds. By time: the next step reached.',
    strikes: 'the start of a step',
    magnitude: undefined,
    phases: ['start'],
    step: 'stop-old-primary',
  }),
  mistake({
    kind: 'operator-repeats',
    doc: 'A step that ended well is done once more, with everything it holds, as a new visit. By time: the next step that ends well.',
    strikes: 'the end of a step',
    magnitude: undefined,
    ofSteps: true,
    phases: ['end', 'start'],
    step: 'promote',
  }),
  mistake({
    kind: 'operator-swaps',
    doc: 'A step and the one after it in the same list change places. By time: the next step reached that has one after it.',
    strikes: 'the start of a step that is not the last of its list',
    magnitude: undefined,
    ofSteps: true,
    phases: ['start'],
    step: 'stop-old-primary',
  }),
  mistake({
    kind: 'operator-wrong-target',
    doc: 'The commands of a visit go to another member or node than meant: the first name that one of them holds is typed as another one of its sort, all through the visit. Anchored to a command, only that command (of a gate, all polls). By time: the next visit that names one.',
    strikes: 'a visit whose commands name a member or a node, where there are at least two',
    magnitude: { min: 1, usual: 1, max: 12, unit: 'places further in the order of members (or nodes), round and round', source: 'the neighbouring pod or node is the one mistaken for it [J]' },
    phases: ['start', 'await'],
    step: 'stop-old-primary',
  }),
  mistake({
    kind: 'operator-stale-reading',
    doc: 'What the reading commands and gates of a visit show is the state so many seconds ago (at the earliest that of the runbook\'s start), as on a dashboard that is behind; it is refreshed every second. What commands do is done now. By time: the next visit that reads anything.',
    strikes: 'a visit with a command or gate that only reads',
    magnitude: { min: 1, usual: 30, max: 900, unit: 'seconds', source: 'a metric scraped every 15 to 60 s, cached and alerted on for minutes; a browser tab left open [J]' },
    phases: ['start'],
    step: 'caught-up',
  }),
]
