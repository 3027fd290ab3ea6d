/** What a reader would tell of a rehearsal in a few words: who began to lead, who went down, which step failed, how it ended. */
import type { RehearsalResult } from '../result.ts'

export interface Milestone {
  readonly atUs: number
  readonly text: string
}

/** In order of time; nothing of how things were before the first step. */
export function milestonesOf(rehearsal: RehearsalResult): Milestone[] {
  const before = new Map<string, string>()
  const found: Milestone[] = []
  for (const { atUs, member, running, role } of rehearsal.story?.members ?? []) {
    const state = !running ? 'is down' : role === 'leader' ? 'leads' : role === 'follower' ? 'follows' : 'is up'
    // A new member starts out not running: that is no news.
    if (atUs > 0 && (before.get(member) ?? 'is down') !== state) found.push({ atUs, text: `${member} ${state}` })
    before.set(member, state)
  }
  for (const step of rehearsal.steps) {
    if (step.result === 'failed') found.push({ atUs: step.endUs ?? step.startUs, text: `${step.path === 'undo' ? 'the undo of ' : ''}step ${step.step.replace(/^undo of /, '')} fails` })
  }
  const endUs = Math.max(0, ...rehearsal.steps.map((step) => step.endUs ?? step.startUs))
  return [...found.sort((a, b) => a.atUs - b.atUs), { atUs: endUs, text: OUTCOMES[rehearsal.outcome] }]
}

const OUTCOMES = { completed: 'the runbook completes', rolledBack: 'it is rolled back', aborted: 'the runbook aborts', stuck: 'it is stuck' } as const

/** Where two rehearsals part: from the first milestone that is not the same in words, `most` of each. */
export function partingOf(a: readonly Milestone[], b: readonly Milestone[], most: number): readonly [readonly Milestone[], readonly Milestone[]] {
  let i = 0
  while (i < a.length && i < b.length && a[i]?.text === b[i]?.text) i++
  return [a.slice(i, i + most), b.slice(i, i + most)]
}
