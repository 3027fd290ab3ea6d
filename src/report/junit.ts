/** JUnit XML: one test suite a scenario, one test a check and an objective, so that a CI system shows which property broke. */
import { countRuns } from '../campaign/ranges.ts'
import type { CampaignResult, CheckSummary } from '../campaign/result.ts'
import { blockWords, count, formatMeasure, formatShare, formatZeroBelow, measureName, plain, violationWords } from './words.ts'

interface Case {
  readonly name: string
  readonly failure?: string
  readonly detail?: string
  readonly skipped?: string
}

/** The whole file. */
export function renderJUnit(results: readonly CampaignResult[]): string {
  const suites = results.map((result) => suite(result, [...result.checks.filter((check) => check.id !== 'objectives-met').map((check) => checkCase(result, check)), ...objectiveCases(result), ...blockCases(result), ...floorCases(result)]))
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="proofroll">', ...suites, '</testsuites>', ''].join('\n')
}

function suite(result: CampaignResult, cases: readonly Case[]): string {
  const failures = cases.filter((each) => each.failure !== undefined).length
  const skipped = cases.filter((each) => each.skipped !== undefined).length
  const head = `  <testsuite name="${escape(result.scenario)}" tests="${cases.length}" failures="${failures}" skipped="${skipped}" errors="0" time="${result.elapsedSeconds}">`
  const properties = [['seed', result.seed], ['runs', String(result.runs)], ['fingerprint', result.fingerprint], ['proofroll', result.proofroll]]
  const lines = [head, '    <properties>', ...properties.map(([name, value]) => `      <property name="${name}" value="${escape(value ?? '')}"/>`), '    </properties>']
  for (const { name, failure, detail, skipped: why } of cases) {
    const open = `    <testcase classname="${escape(result.scenario)}" name="${escape(name)}" time="0"`
    if (failure !== undefined) lines.push(`${open}>`, `      <failure message="${escape(failure)}">${escape(detail ?? failure)}</failure>`, '    </testcase>')
    else if (why !== undefined) lines.push(`${open}>`, `      <skipped message="${escape(why)}"/>`, '    </testcase>')
    else lines.push(`${open}/>`)
  }
  return [...lines, '  </testsuite>'].join('\n')
}

function checkCase(result: CampaignResult, check: CheckSummary): Case {
  if (check.status === 'notApplicable') return { name: check.id, skipped: 'does not apply to this scenario' }
  if (check.status === 'notExercised') return { name: check.id, skipped: 'never put to the test' }
  if (check.status === 'pass') return { name: `${check.id} (0 of ${plain(check.judged)}${result.sweep === null ? `: ${formatZeroBelow(check.judged)}` : ''})` }
  const examples = result.counterexamples.filter((each) => each.check === check.id)
  const share = check.rate === null ? '' : ` (${formatShare(check.rate)})`
  const failure = `in ${plain(check.violations)} of ${plain(check.judged)} rehearsals${share} it ${violationWords(check.id)}`
  return { name: check.id, failure, detail: [failure, ...examples.flatMap((each) => [each.explanation, each.replay])].join('\n') }
}

function objectiveCases(result: CampaignResult): Case[] {
  return result.objectives.map(({ measure, at, max, min, faults, measured, status }) => {
    const wanted = [min === null ? '' : `>= ${formatMeasure(measure, min)}`, max === null ? '' : `<= ${formatMeasure(measure, max)}`].filter((part) => part !== '').join(' and ')
    const name = `objective: ${measureName(measure)} ${at} ${wanted}`
    if (status === 'notExercised') return { name, skipped: faults === 'none' ? 'about rehearsals without faults' : 'no rehearsal was in budget' }
    return status === 'fail' ? { name, failure: `measured ${formatMeasure(measure, measured)}` } : { name }
  })
}

/** Of a sweep, one test a block of its grid: it fails where a cell broke that is judged. */
function blockCases({ sweep }: CampaignResult): Case[] {
  return (sweep?.blocks ?? []).filter(({ size }) => size > 0).map(({ id, size, runs, struck, failed }) => {
    const name = `sweep ${id}: ${blockWords(id)}`
    if (runs === 0) return { name, skipped: `none of its ${plain(size)} cells fell into this part` }
    if (failed > 0) return { name, failure: `${plain(failed)} of ${count(runs, 'cell')} broke a check` }
    return struck === 0 && id !== 'fault-free' ? { name, skipped: `nothing was struck in ${count(runs, 'cell')}` } : { name }
  })
}

/** What would make a green suite mean nothing: rehearsals that are missing, and with `--strict` what was never hit. */
function floorCases({ partial, runs, asked, floors }: CampaignResult): Case[] {
  const missing = partial ? [{ name: 'all rehearsals done', failure: `partial: ${plain(runs)} of ${plain(countRuns(asked))} rehearsals are done` }] : []
  return [...missing, ...floors.filter((floor) => floor.status === 'fail').map((floor) => ({ name: floor.id, failure: floor.evidence }))]
}

function escape(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  // Control characters are not allowed in XML at all, escaped or not; a command's output may hold them.
  return text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '?')
}
