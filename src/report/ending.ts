/** How a runbook came to its stop where no run reached its end: for a terminal, Markdown and the page. */
import type { CampaignResult } from '../campaign/result.ts'
import { formatClock } from '../kernel/index.ts'
import { type Screen, hang, paintFor } from './text.ts'
import { plain } from './words.ts'

/** Heading of what led to a stop; `ending.run` counts from 0. */
export const endingTitle = ({ ending }: CampaignResult): string => `What led to that in run ${ending?.run ?? 0}`

/** One line a moment: when, the step of a command, what. */
export function endingRows({ ending }: CampaignResult): readonly { readonly at: string; readonly step: string; readonly text: string; readonly answer?: string }[] {
  if (ending === undefined) return []
  // Times of a trace count from the beginning of the rehearsal's first step.
  const rows = ending.moments.map(({ atUs, step, text, times, answer }) => ({ at: formatClock(atUs), step: step ?? '', text: `${text.replace(/\s+/g, ' ')}${times > 1 ? ` (${plain(times)} times from then on)` : ''}`, ...(answer === undefined ? {} : { answer: `${times > 1 ? 'at last: ' : ''}${answer.replace(/\s+/g, ' ')}` }) }))
  return [...rows, { at: formatClock(ending.endUs), step: '', text: `${ending.outcome}: ${ending.reason}` }]
}

/** The last commands before a run stopped and what happened beside them, for the terminal; no lines when every run reached its end. */
export function renderEnding(result: CampaignResult, screen: Screen): string[] {
  const rows = endingRows(result)
  if (rows.length === 0) return []
  const paint = paintFor(screen)
  const [wide, steps] = [Math.max(...rows.map(({ at }) => at.length)), Math.max(...rows.map(({ step }) => step.length))]
  const plainly = (text: string): string => (screen.unicode ? text : text.replaceAll('…', '...'))
  const lines = rows.flatMap(({ at, step, text, answer }, i) => {
    const told = hang(`  ${at.padStart(wide)}  ${step.padEnd(steps)}  `, plainly(text), screen.columns)
    // The reason stands last, and whole: what the program said is at its end.
    const shown = i === rows.length - 1 ? told : told.slice(0, 2)
    return answer === undefined ? shown : [...shown, ...hang(`  ${' '.repeat(wide)}  ${' '.repeat(steps)}    ${screen.unicode ? '→' : '->'} `, plainly(answer), screen.columns).slice(0, 2)]
  })
  return [paint.bold(endingTitle(result)), ...lines]
}
