/** When writes stood still in one rehearsal, as the page shows it. */
import type { RehearsalResult } from '../../result.ts'
import type { StepNames } from '../explained.ts'
import { moreStandstills, standstillsOf, standstillWords } from '../standstill.ts'
import { clock, timed } from './clock.ts'
import type { StandstillsView } from './page.ts'

/** Told one by one; the rest are counted. */
const TOLD_MAX = 4

export function standstillsView(rehearsal: RehearsalResult, names: StepNames): StandstillsView {
  const all = standstillsOf(rehearsal, names)
  return {
    told: all.slice(0, TOLD_MAX).map((each) => ({ words: timed(standstillWords(each, names)), told: each.told.map(({ atUs, text }) => ({ atUs: Math.round(atUs), clock: atUs < 0 ? 'before' : clock(atUs), text: timed(text) })) })),
    more: moreStandstills(all.slice(TOLD_MAX)),
  }
}
