/** How many rehearsals said "done" and had done nothing, or next to nothing, and which commands failed in them without anybody looking. */
import type { Deeds, RehearsalResult } from '../result.ts'

/** A command that was to change the cluster and failed, with the words of the run of lowest number. */
export interface OverlookedDeed {
  runs: number
  /** Of these, runs in which nothing looked at the failure. */
  unseen: number
  run: number
  command: string
  said: string
}

export interface DeedsAggregate {
  /** Runs that reached their end, in budget. */
  judged: number
  /** Of these: nothing that was to change the cluster did; and most of it failed, and nothing looked. */
  nothing: number
  little: number
  /** By step; at most as many as the runbook has. */
  failed: Record<string, OverlookedDeed>
  /** By line, loops that made no pass. */
  barren: Record<string, { runs: number; run: number; text: string }>
}

export const noDeeds = (): DeedsAggregate => ({ judged: 0, nothing: 0, little: 0, failed: {}, barren: {} })

/** Everything that was tried failed, or was left out because a list was empty. A runbook that was to change nothing is none of these. */
export function didNothing({ done, failed, barren }: Deeds): boolean {
  return done === 0 && failed.length + barren.length > 0
}

/** More steps failed unseen than were done. */
export function didLittle({ done, failed }: Deeds): boolean {
  return done > 0 && failed.filter(({ unseen }) => unseen).length > done
}

/** Adds a run in budget. */
export function addDeeds(into: DeedsAggregate, run: number, { outcome, deeds }: Pick<RehearsalResult, 'outcome' | 'deeds'>): void {
  if (outcome !== 'completed' || deeds === undefined) return
  into.judged += 1
  if (didNothing(deeds)) into.nothing += 1
  else if (didLittle(deeds)) into.little += 1
  for (const { step, command, said, unseen } of deeds.failed) addFailed(into, step, { runs: 1, unseen: unseen ? 1 : 0, run, command, said })
  if (deeds.done === 0) for (const { step, text } of deeds.barren) addBarren(into, step, { runs: 1, run, text })
}

export function mergeDeeds(into: DeedsAggregate, other: DeedsAggregate): void {
  into.judged += other.judged
  into.nothing += other.nothing
  into.little += other.little
  for (const [step, each] of Object.entries(other.failed)) addFailed(into, step, each)
  for (const [step, each] of Object.entries(other.barren)) addBarren(into, step, each)
}

function addFailed({ failed }: DeedsAggregate, step: string, more: OverlookedDeed): void {
  const mine = failed[step]
  if (mine === undefined) failed[step] = { ...more }
  else {
    const first = more.run < mine.run ? more : mine
    failed[step] = { runs: mine.runs + more.runs, unseen: mine.unseen + more.unseen, run: first.run, command: first.command, said: first.said }
  }
}

function addBarren({ barren }: DeedsAggregate, step: string, more: DeedsAggregate['barren'][string]): void {
  const mine = barren[step]
  if (mine === undefined) barren[step] = { ...more }
  else barren[step] = { ...(more.run < mine.run ? more : mine), runs: mine.runs + more.runs }
}
