/** One failure in four lines, for whoever reads no further: where, what is typed there, why, and what would avoid it. */
import type { StepNames } from './explained.ts'
import { causeNamed } from './causes.ts'
import { unnoticedOf } from './first.ts'
import { remedyFor } from './remedies.ts'
import type { OutlineStep, Story } from './story.ts'
import { namesOf } from './story.ts'
import { type Screen, hang, paintFor } from './text.ts'

/** A command is told up to so many characters; the tree and the page have it whole. */
const TYPED_MAX = 200

/** Where a failure stands in the runbook. */
export interface FailurePlace {
  /** The step's id; empty where no step is to be named. */
  readonly step: string
  /** Completes a headline: `, at step 3.4 promote`; empty where nothing is known. */
  readonly where: string
}

/** The step that a failure hangs on; else the gate that let it pass, or the step that its chain goes back to. */
export function placeOf({ counterexample, rehearsal, outline }: Story, names: StepNames = namesOf(outline)): FailurePlace {
  const { step, cause, because } = counterexample
  if (step !== '-') return { step, where: `, at step ${names(step)}` }
  if (cause === 'never-introduced') return { step: '', where: ', because a step is missing' }
  const unnoticed = unnoticedOf({ counterexample, rehearsal }, names)
  if (unnoticed !== null && unnoticed.step !== '') return { step: outline.find(({ id }) => names(id) === unnoticed.step)?.id ?? '', where: `, and step ${unnoticed.step} let it pass` }
  const back = because.findLast((clause) => clause.step !== undefined && clause.step !== '-')?.step
  return back === undefined ? { step: '', where: '' } : { step: back, where: `, which goes back to step ${names(back)}` }
}

/** What is typed in a step, with its line in the runbook; empty where nothing is. */
export function typedWords(outline: readonly OutlineStep[], id: string, most = TYPED_MAX): string {
  const step = outline.find((each) => each.id === id.replace(/^undo of /, ''))
  if (step?.typed === undefined || id.startsWith('undo of ')) return ''
  const text = step.typed.replaceAll('`', '’')
  return `\`${text.length <= most ? text : `${text.slice(0, most)} …`}\`${step.line === undefined || /^(?:.*:)?L?\d+$/.test(step.id) ? '' : ` (line ${step.line} of the runbook)`}`
}

/** The lines for a terminal, below the verdict. */
export function briefLines(story: Story, screen: Screen): string[] {
  const names = namesOf(story.outline)
  const { counterexample } = story
  const { step, where } = placeOf(story, names)
  const asText = (text: string): string => (screen.unicode ? text : text.replace(/[“”]/g, '"').replace(/’/g, "'").replace(/…/g, '..'))
  const typed = step === '' ? '' : typedWords(story.outline, step)
  const remedy = remedyFor(counterexample.cause, story.remedies)
  const saw = unnoticedOf(story, names)?.advice ?? ''
  const rows: [string, string][] = [
    ['where', where === '' ? '' : `${where.replace(/^,? (?:at |which |because |and )?/, '')}${typed === '' ? '' : `: ${typed}`}`],
    ['why', `${causeNamed(counterexample.cause)}`],
    ['avoid', [saw, remedy ?? ''].filter((words) => words !== '').join(' ')],
    ['instead', story.corrected === undefined ? '' : `\`proofroll run ${story.corrected}\` does the same job without such mistakes`],
  ]
  const paint = paintFor(screen)
  return rows.filter(([, words]) => words !== '').flatMap(([head, words]) => hang(`  ${head.padEnd(7)}  `, asText(words), screen.columns).map((line, i) => (i === 0 ? line.replace(head, paint.bold(head)) : line)))
}
