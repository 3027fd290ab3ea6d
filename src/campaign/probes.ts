/** What a campaign could have reached: each fault kind, each outcome of each gate, each undo edge, and how often it was hit. A probe never hit bounds what silence means. */
import { END } from '../operator/index.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Aggregate } from './aggregate.ts'
import { gateName, inScript, isStrictMode } from './gates.ts'

export interface Probe {
  /** fault: the kind struck · gate-passed, gate-failed: so the gate ended · undo: the step was taken back. */
  readonly probe: 'fault' | 'gate-passed' | 'gate-failed' | 'undo'
  /** The fault kind, or the step (of a gate on the way back `undo of …`); `runbook` for the undo of the whole. */
  readonly of: string
  /** Runs in which the kind struck; times a gate ended so or an undo was taken, in runs in budget. */
  readonly hits: number
}

/** @param withFaults whether the campaign drew faults at all; without, their kinds are no probes */
export function probesOf(aggregate: Aggregate, scenario: Scenario, withFaults: boolean): Probe[] {
  const { runbook } = scenario
  const { steps, undo } = runbook
  // Of a script the guards that some run came to: which they are hangs on who calls what.
  const gates = runbook.script === undefined ? steps.filter((step) => step.action.kind === 'gate').map((step) => gateName({ step: step.id, path: step.path })) : inScript(Object.keys(aggregate.gates).filter((name) => !isStrictMode(name)), runbook)
  const undoable = steps.filter((step) => step.path === 'forward' && step.undo !== END).map((step) => step.id)
  if (undo !== END) undoable.push('runbook')
  return [
    ...(withFaults ? scenario.faults.kinds : []).map((kind): Probe => ({ probe: 'fault', of: kind, hits: aggregate.kinds[kind]?.struckRuns ?? 0 })),
    ...gates.map((of): Probe => ({ probe: 'gate-passed', of, hits: aggregate.gates[of]?.passed ?? 0 })),
    ...gates.map((of): Probe => ({ probe: 'gate-failed', of, hits: aggregate.gates[of]?.failed ?? 0 })),
    ...undoable.map((of): Probe => ({ probe: 'undo', of, hits: aggregate.undone[of] ?? 0 })),
  ]
}

const WORDS: Readonly<Record<Probe['probe'], string>> = {
  fault: 'fault kinds that never struck',
  'gate-passed': 'gates that never passed',
  'gate-failed': 'gates that never failed',
  undo: 'undo never taken',
}

/** The probes never hit, by sort: `['gates that never failed', ['wait', …]]`. */
export function unhit(probes: readonly Probe[]): readonly (readonly [words: string, of: readonly string[]])[] {
  return (Object.keys(WORDS) as Probe['probe'][])
    .map((probe) => [WORDS[probe], probes.filter((each) => each.probe === probe && each.hits === 0).map((each) => each.of)] as const)
    .filter(([, of]) => of.length > 0)
}
