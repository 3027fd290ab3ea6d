/** Judges the checks and counts the probes of a suite's own while a campaign runs in this thread, without the campaign knowing of them. */
import type { Rehearser } from '../campaign/index.ts'
import type { Schedule } from '../faults/schedule.ts'
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/index.ts'
import { count } from '../report/index.ts'
import { checkHolds } from './demands.ts'
import { tellFailure } from './failure.ts'
import { countProbes, judgeOwn, ownOf, unhitProbes } from './own.ts'
import type { Rehearsal } from './rehearsal.ts'

/** What a check of one's own came to: the failure met first, and how many there were. */
interface Record {
  readonly id: string
  failed: number
  first: { readonly result: RehearsalResult; readonly seed: string } | undefined
}

export class Bystander {
  /** The given rehearser, overheard. */
  readonly rehearser: Rehearser
  /** The schedule that the campaign has asked for last, by identity: its rehearsal is a run, and no repetition or attempt at shrinking. */
  private next: Schedule | undefined
  private judged = 0
  private readonly records: readonly Record[]
  private readonly tally

  constructor(
    private readonly scenario: Scenario,
    rehearser: Rehearser,
  ) {
    const { checks, probes } = ownOf(scenario)
    this.records = checks.map(({ id }) => ({ id, failed: 0, first: undefined }))
    this.tally = { rehearsals: 0, hits: probes.map(() => 0) }
    const story = checks.some(({ readsStory }) => readsStory === true)
    this.rehearser = {
      ...rehearser,
      scheduleOf: (scenario, seed, run, faults) => (this.next = [...rehearser.scheduleOf(scenario, seed, run, faults)]),
      rehearse: (what) => {
        const isRun = what.schedule === this.next
        const result = rehearser.rehearse(isRun && story ? { ...what, record: true } : what)
        if (!isRun) return result
        this.next = undefined
        this.overhear(result, what.seed)
        return result
      },
    }
  }

  private overhear(result: RehearsalResult, seed: string): void {
    countProbes(this.scenario, result, this.tally)
    if (!result.inBudget) return
    this.judged += 1
    judgeOwn(this.scenario, result).forEach(({ status }, i) => {
      const record = this.records[i] as Record
      if (status !== 'fail') return
      record.failed += 1
      const { story: _story, ...rest } = result
      record.first ??= { result: rest, seed }
    })
  }

  /** What to say of them. @param folder for the files of failures; null writes none */
  conclude(folder: string | null): { readonly violated: readonly string[]; readonly unhit: readonly string[]; readonly lines: readonly string[] } {
    const lines: string[] = []
    for (const { id, failed, first } of this.records) {
      if (first === undefined) continue
      const rehearsal: Rehearsal = { ...first.result, scenario: this.scenario, seed: first.seed, folder }
      lines.push('', `${id} failed in ${failed} of ${count(this.judged, 'rehearsal')}`, tellFailure(rehearsal, checkHolds(id as never, `pass ${id}`), undefined))
    }
    const unhit = unhitProbes(this.scenario, this.tally)
    if (unhit.length > 0) lines.push('', `In ${count(this.tally.rehearsals, 'rehearsal')} nothing hit ${unhit.map(name => `\`${name}\``).join(', ')}.`)
    return { violated: this.records.filter(({ failed }) => failed > 0).map(({ id }) => id), unhit, lines }
  }
}
