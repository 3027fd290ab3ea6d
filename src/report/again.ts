/** What came of running a failed script again: in words, the same for a terminal, Markdown and the page. */
import type { Again, CampaignResult } from '../campaign/result.ts'
import { type Screen, hang, paintFor } from './text.ts'
import { count, plain, violationWords } from './words.ts'

/** Heading of that part, in every form of the report. */
export const AGAIN_TITLE = 'Run again from the top, after it had failed'

/** The verdict first, then what bears it out; none where nothing was run again. */
export function againWords({ again }: CampaignResult): readonly string[] {
  if (again === undefined) return []
  const { outcomes, harmed, reasons } = again
  const ended = [[outcomes.completed, 'reached its end'], [outcomes.aborted, 'failed again'], [outcomes.rolledBack, 'was rolled back'], [outcomes.stuck, 'got stuck']].filter(([n]) => n !== 0).map(([n, words]) => `${plain(n as number)} ${words as string}`)
  return [
    verdict(again),
    `Of ${plain(again.looked)} rehearsals looked at it failed in ${plain(again.again)}, and was run again a minute later: ${ended.join(', ')}.`,
    ...harmed.map(({ check, runs, firstRun, evidence }) => `Run again it ${violationWords(check)} in ${plain(runs)} of ${plain(again.again)}, which it had not when left alone (first in run ${firstRun}: ${evidence}).`),
    ...reasons.map(({ reason, runs }) => `The second time (${count(runs, 'run')}): ${reason}`),
  ]
}

function verdict({ again, outcomes, harmed }: Again): string {
  if (harmed.length > 0) return 'It must not simply be run again: that does harm.'
  if (outcomes.completed === again) return 'It can be run again: each time the second run reached its end, and nothing broke.'
  return outcomes.completed === 0 ? 'Running it again does no harm, and does not help.' : 'Running it again does no harm, and sometimes helps.'
}

/** Whether a script that failed can be run again, for the terminal; no lines when none was. */
export function renderAgain(result: CampaignResult, screen: Screen): string[] {
  const words = againWords(result)
  return words.length === 0 ? [] : [paintFor(screen).bold(AGAIN_TITLE), ...words.flatMap((line) => hang('  ', line, screen.columns))]
}
