/** How a runbook that did not reach its end came to its stop: the commands and what happened in the cluster, of the first such run, just before. */
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { attempt } from './form.ts'
import type { Rehearser } from './rehearser.ts'
import type { CampaignResult, Ending } from './result.ts'
import { strategyOf } from './strategy.ts'

type CommandRecord = NonNullable<RehearsalResult['story']>['commands'][number]

const MOST = 20
const LONGEST = 240
const ANSWER_LONGEST = 160
/** Fewer runs than this share that did not reach their end are no matter. */
const FEW = 0.05
/** Runs that are looked at for one that did not. */
const MOST_LOOKED = 40
const COMMAND = 'operator.command'

/** @returns undefined when most runs reached their end, when faults may have kept the others from it, or when none of the first runs shows it */
export function endingOf(scenario: Scenario, rehearser: Rehearser, result: CampaignResult): Ending | undefined {
  const { outcomes, ranges, runs } = result
  const unfinished = runs - outcomes.completed
  if (runs === 0 || unfinished < FEW * runs || (outcomes.completed > 0 && (result.faultsPerRun > 0 || result.sweep !== null))) return undefined
  const { caseOf } = strategyOf(result.strategy, scenario, rehearser, result.seed)
  const looked = ranges.flatMap(([first, end]) => Array.from({ length: Math.min(MOST_LOOKED, end - first) }, (_, i) => first + i)).slice(0, MOST_LOOKED)
  const run = outcomes.completed === 0 ? looked[0] : looked.find((each) => rehearser.rehearse({ scenario, seed: caseOf(each).seed, schedule: caseOf(each).schedule }).outcome !== 'completed')
  if (run === undefined) return undefined
  const { seed, schedule } = caseOf(run)
  const rehearsed = attempt(rehearser, { scenario, seed, schedule, record: true })
  const trace = rehearsed?.story?.trace ?? []
  const end = trace.findIndex(({ label }) => label === 'operator.outcome')
  if (rehearsed === undefined || rehearsed.outcome === 'completed' || end < 0) return undefined
  const moments: { atUs: number; step: string | null; text: string; times: number; answer?: string }[] = []
  const answers = answersOf(rehearsed.story?.commands ?? [])
  for (const { atUs, label, node, detail } of trace.slice(0, end)) {
    if (detail === '' || (label.startsWith('operator.') && label !== COMMAND)) continue
    const step = label === COMMAND ? node : null
    // What a client is on, or told, says not whose it is.
    const text = shortened(label.startsWith('client.') ? `${node}: ${detail}` : detail, LONGEST)
    const answer = step === null ? undefined : answers.get(`${atUs} ${step}`)?.shift()
    // A poll, and the wait between two of them, is told once, with the last answer.
    const same = step === null ? undefined : moments.slice(-4).find(each => each.step === step && each.text === text)
    if (same === undefined) moments.push({ atUs, step, text, times: 1, ...(answer === undefined ? {} : { answer }) })
    else {
      same.times += 1
      if (answer !== undefined) same.answer = answer
    }
  }
  return { run, outcome: rehearsed.outcome, reason: rehearsed.outcomeReason, endUs: (trace[end] as (typeof trace)[number]).atUs, moments: moments.slice(-MOST) }
}

/** What each command answered, by when and in which step it was typed. */
function answersOf(commands: readonly CommandRecord[]): Map<string, (string | undefined)[]> {
  const answers = new Map<string, (string | undefined)[]>()
  for (const command of commands) {
    const key = `${command.atUs} ${command.step}`
    answers.set(key, [...(answers.get(key) ?? []), answerOf(command)])
  }
  return answers
}

/** Its status where that is no success, and what it printed; undefined for what never answered and for what is meant to be silent. */
function answerOf({ argv, code, out, err }: CommandRecord): string | undefined {
  if (code === undefined || (code === 0 && argv[0] === 'sleep')) return undefined
  const lines = `${err}\n${out}`.split('\n').map(line => line.trim()).filter(line => line !== '')
  const printed = lines.length === 0 ? 'printed nothing' : shortened(lines.join(' | '), ANSWER_LONGEST)
  return code === 0 ? printed : `exit ${code}: ${printed}`
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
