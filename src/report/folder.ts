/** Everything that `--report DIR` writes. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../campaign/index.ts'
import type { ComparisonResult } from '../campaign/compare/result.ts'
import type { CampaignResult } from '../campaign/result.ts'
import { chartsAcross, chartsOf, type NamedChart, type Pictured } from './charts/index.ts'
import { drawPng, drawSvg } from './charts/draw.ts'
import { LIGHT } from './charts/palette.ts'
import { renderComparison } from './compare.ts'
import { renderComparisonMarkdown } from './compareMarkdown.ts'
import { fileNameOf, folderOf, resultJson, toJson, writeWhole } from './files.ts'
import { comparisonPageData, pageData, renderPage } from './html.ts'
import { renderJUnit } from './junit.ts'
import { renderMarkdown } from './markdown.ts'
import { overrideWords, settingsOf } from './settings.ts'
import { briefLines } from './brief.ts'
import { renderMends } from './mends.ts'
import { outlineOf, renderStory } from './story.ts'
import { renderSummary } from './summary.ts'
import { PLAIN } from './text.ts'
import { type Told, storiesOf } from './told.ts'
import { chromeTrace } from './trace.ts'
import { comparisonCharts } from './view/comparison.ts'
import { timelineOf } from './view/timeline.ts'
import { violationWords } from './words.ts'

/** Characters: well below what a job's summary may hold. */
const SUMMARY_MAX = 500_000

/**
 * Writes the report.
 * @param folder made when it is not there; files of the same names in it are replaced
 * @returns what could not be written, in words; the rest was
 */
export async function writeReport(told: readonly Told[], folder: string): Promise<string[]> {
  const results = told.map((each) => each.result)
  const stories = new Map(told.map((each) => [each.result.scenario, storiesOf(each).slice(0, 1).flatMap((story) => renderStory(story, PLAIN))]))
  const text = told.map((each) => [...renderSummary(each.result, PLAIN, outlineOf(each.scenario.runbook), { scenario: each.scenario, story: storiesOf(each)[0] }), ...storiesOf(each).flatMap((story) => ['', '', ...renderStory(story, PLAIN)]), ...mended(each.result)].join('\n'))
  writeWhole(join(folder, 'story.txt'), `${text.join(`\n\n${'─'.repeat(PLAIN.columns)}\n\n`)}\n`)
  writeWhole(join(folder, 'result.json'), resultJson(results))
  const markdown = renderMarkdown(results, stories, new Map(told.map((each) => [each.result.scenario, { settings: settingsOf(each.scenario), overrides: overrideWords(each.scenario), brief: storiesOf(each).slice(0, 1).flatMap((story) => briefLines(story, PLAIN)), description: each.scenario.description }])))
  writeWhole(join(folder, 'report.md'), markdown)
  writeWhole(join(folder, 'junit.xml'), renderJUnit(results))
  writeSummaryOfJob(markdown)
  for (const each of told) writeTraces(each, folder)
  writeWhole(join(folder, 'index.html'), await renderPage(pageData(told, version)))
  return writeCharts(told, join(folder, 'charts'))
}

/** Writes the report of a comparison. @returns what could not be written, in words */
export async function writeComparisonReport(result: ComparisonResult, folder: string): Promise<string[]> {
  const markdown = renderComparisonMarkdown(result)
  writeWhole(join(folder, 'comparison.json'), toJson(result))
  writeWhole(join(folder, 'comparison.md'), markdown)
  writeWhole(join(folder, 'comparison.txt'), `${renderComparison(result, PLAIN).join('\n')}\n`)
  writeSummaryOfJob(markdown)
  const data = comparisonPageData(result)
  writeWhole(join(folder, 'index.html'), await renderPage(data))
  return orNoCharts(() => drawAll(data.comparison === undefined ? [] : comparisonCharts(data.comparison, LIGHT), join(folder, 'charts')))
}

/** A CI job's own page shows what is appended to this file. Its limit is 1 MiB a step; what is longer is told in the report's file. */
function writeSummaryOfJob(markdown: string): void {
  const file = process.env['GITHUB_STEP_SUMMARY']
  if (file === undefined || file === '') return
  const short = markdown.length < SUMMARY_MAX ? markdown : `${markdown.slice(0, SUMMARY_MAX)}\n\n… cut short; report.md has the rest.\n`
  appendFileSync(file, short)
}

/** What happened in each counterexample as a trace, away from the counterexamples' own files: those are for `replay`. */
function writeTraces(told: Told, folder: string): void {
  for (const { counterexample, rehearsal } of storiesOf(told)) {
    if (rehearsal.story === undefined || counterexample.check === 'objectives-met') continue
    const { check, cause, step, seed } = counterexample
    const trace = chromeTrace(rehearsal, { scenario: told.result.scenario, failure: `${check}/${cause}/${step}`, seed, hash: rehearsal.hash })
    writeWhole(join(folder, 'traces', folderOf(told.result.scenario), `${fileNameOf(`${check}/${cause}/${step}`)}.json`), `${JSON.stringify(trace)}\n`)
  }
}

/** One folder a scenario; what is about several lies beside them. */
async function writeCharts(told: readonly Told[], folder: string): Promise<string[]> {
  const byScenario = new Map<string, Told[]>()
  for (const each of told) byScenario.set(each.result.scenario, [...(byScenario.get(each.result.scenario) ?? []), each])
  return orNoCharts(async () => {
    for (const [scenario, all] of byScenario) await drawAll(chartsOf(all.map(pictured), LIGHT), join(folder, folderOf(scenario)))
    await drawAll(chartsAcross(told.map(({ result }) => result), LIGHT), folder)
  })
}

/** A platform without a canvas has everything but the charts' files. */
async function orNoCharts(draw: () => Promise<void>): Promise<string[]> {
  try {
    await draw()
    return []
  } catch (error) {
    return [`no charts: ${(error as Error).message}`]
  }
}

async function drawAll(charts: readonly NamedChart[], folder: string): Promise<void> {
  for (const chart of charts) {
    writeWhole(join(folder, `${chart.name}.png`), await drawPng(chart))
    writeWhole(join(folder, `${chart.name}.svg`), drawSvg(chart))
  }
}

/** The gravest failure is the one pictured. */
function pictured(told: Told): Pictured {
  const [story] = storiesOf(told)
  const timeline = story === undefined ? undefined : timelineOf(story.rehearsal, story.outline, told.scenario.runbook, story.counterexample.step)
  return { result: told.result, ...(story === undefined || timeline === undefined ? {} : { worst: { timeline, words: `how it ${violationWords(story.counterexample.check)}` } }) }
}

function mended(result: CampaignResult): string[] {
  const lines = renderMends(result, PLAIN)
  return lines.length === 0 ? [] : ['', '', ...lines]
}
