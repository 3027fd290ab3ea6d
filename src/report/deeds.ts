/** What failed while the runbook went on and said it was done: for the verdict, and as a section of its own. */
import type { CampaignResult } from '../campaign/result.ts'
import { type Screen, hang, paintFor } from './text.ts'
import { count, plain } from './words.ts'

/** How many steps are listed before the rest are only counted. */
const SHOWN = 6
/** What failed unseen in fewer of the completed runs is an exception. */
const SHARE = 0.5

type Deeds = CampaignResult['aggregate']['deeds']

/** Results of older versions have none. */
const deedsOf = ({ aggregate }: Pick<CampaignResult, 'aggregate'>): Deeds | undefined => aggregate.deeds as Deeds | undefined

/** The verdict where a runbook said it was done and had done nothing, or next to nothing; undefined where that is not so. */
export function idleBadge(result: Pick<CampaignResult, 'aggregate' | 'floors'>): string | undefined {
  const deeds = deedsOf(result)
  if (deeds === undefined || !result.floors.some(({ id, status }) => id === 'acts' && status === 'fail')) return undefined
  return deeds.nothing >= deeds.little ? 'DID NOTHING' : 'DID LITTLE'
}

/** The same as a sentence. */
export function idleWords(result: CampaignResult): string {
  const { judged, nothing, little } = deedsOf(result) as Deeds
  const runs = nothing + little === judged ? (judged === 1 ? 'The rehearsal' : `All ${plain(judged)} rehearsals`) : `${plain(nothing + little)} of ${count(judged, 'rehearsal')}`
  return nothing >= little
    ? `${runs} reached the end of the runbook, and nothing of what it is written to do was done. So nothing was shown about it.`
    : `${runs} reached the end of the runbook, though most of what it is written to do failed. So little was shown about it.`
}

/** A step that failed and was passed over, or a loop that made no pass. */
interface DeedRow {
  readonly step: string
  readonly text: string
  /** What its command answered; empty for a loop. */
  readonly said: string
}

/** Which steps failed, what they said, and what would be right, in most runs; undefined where nothing of that kind happened. */
export function deedRows(result: CampaignResult): { readonly rows: readonly DeedRow[]; readonly advice: string } | undefined {
  const deeds = deedsOf(result)
  if (deeds === undefined || deeds.judged === 0) return undefined
  const idle = idleBadge(result) !== undefined
  // Of a step somebody wrote that it may fail; of a line nobody thought.
  if (!idle && !isScript(result)) return undefined
  const often = (runs: number): boolean => runs > deeds.judged * SHARE
  const inRuns = (runs: number): string => (runs === deeds.judged ? (runs === 1 ? '' : `in all ${plain(runs)} `) : `in ${plain(runs)} of ${plain(deeds.judged)} `)
  const failed = inOrder(result, Object.entries(deeds.failed)).filter(([, { runs, unseen }]) => often(idle ? runs : unseen))
  const rows = [
    ...failed.map(([step, { runs, unseen, command, said }]) => ({ step, text: `failed ${inRuns(runs)}${unseen === 0 ? 'and the runbook went on' : 'and nothing looked at it'}: ${command}`, said })),
    ...(idle ? inOrder(result, Object.entries(deeds.barren)).filter(([, { runs }]) => often(runs)).map(([step, { runs, text }]) => ({ step, text: `made no pass ${inRuns(runs)}because its list was empty: ${text}`, said: '' })) : []),
  ]
  return rows.length === 0 ? undefined : { rows, advice: adviceFor(result, failed.some(([, { unseen }]) => unseen > 0)) }
}

/** The same as lines. */
export function renderDeeds(result: CampaignResult, screen: Screen): string[] {
  const { rows, advice } = deedRows(result) ?? { rows: [], advice: '' }
  if (rows.length === 0) return []
  const wide = Math.max(...rows.slice(0, SHOWN).map(({ step }) => step.length))
  const arrow = screen.unicode ? '→' : '->'
  const lines = rows.slice(0, SHOWN).flatMap(({ step, text, said }) => [...hang(`  ${step.padEnd(wide)}  `, plainly(text, screen), screen.columns), ...(said === '' ? [] : hang(`  ${' '.repeat(wide)}    ${arrow} `, plainly(said, screen), screen.columns).slice(0, 2))])
  const more = rows.length > SHOWN ? [`  and ${count(rows.length - SHOWN, 'more step')}; all are in the JSON result`] : []
  return [paintFor(screen).bold('Failed, and passed over'), ...lines, ...more, ...hang('  ', advice, screen.columns)]
}

function adviceFor({ steps }: CampaignResult, unseen: boolean): string {
  if (!unseen) return 'Ask first whether what the runbook names is there, and stop where it is not.'
  return isScript({ steps }) ? 'A script stops at such a failure with `set -e`, or with `… || exit 1` behind the command; `proofroll check` names what is not there.' : 'A step stops the runbook unless it says `otherwise: continue`; `proofroll check` names what is not there.'
}

/** The steps of a script are its lines. */
const isScript = ({ steps }: Pick<CampaignResult, 'steps'>): boolean => steps.some(({ step }) => /^L\d+$|:\d+$/.test(step))

/** As the steps come in the runbook; lines by their number. */
function inOrder<T>({ steps }: CampaignResult, entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  const place = (step: string): number => {
    const at = steps.findIndex((each) => each.step === step)
    return at >= 0 ? at : Number(/\d+$/.exec(step)?.[0] ?? 0)
  }
  return [...entries].sort(([a], [b]) => place(a) - place(b))
}

const plainly = (text: string, { unicode }: Screen): string => (unicode ? text : text.replaceAll('…', '...'))
