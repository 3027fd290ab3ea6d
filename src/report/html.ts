/** The page: one file that holds its program, its style and its data, and needs no network. */
import { pathToFileURL } from 'node:url'
import { assetPath, readAsset } from './assets.ts'
import { costPoint, growthsOf, isWorthACostChart } from './charts/index.ts'
import type { CampaignResult } from '../campaign/index.ts'
import type { Told } from './told.ts'
import type { ComparisonResult } from '../campaign/compare/result.ts'
import { campaignId, campaignView } from './view/campaign.ts'
import { comparisonView } from './view/comparison.ts'
import { faultsNamed } from './view/faults.ts'
import type { PageData } from './view/page.ts'

interface Renderer {
  renderApp(data: PageData): string
}

export function pageData(told: readonly Told[], proofroll: string): PageData {
  const taken = new Set<string>()
  const campaigns = told.map((each) => {
    const id = campaignId(each.result, taken)
    taken.add(id)
    const others = told.filter((other) => other !== each && other.result.scenario === each.result.scenario && other.result.faultsPerRun !== each.result.faultsPerRun).map(({ result }) => result)
    return campaignView(each, others, id)
  })
  const names = [...new Set(campaigns.map(({ scenario }) => scenario))]
  return { format: 1, title: names.length === 0 ? 'Proofroll' : names.length === 1 ? `${names[0]}: Proofroll` : `${names.length} scenarios: Proofroll`, proofroll, campaigns, faults: faultsNamed(campaigns), ...acrossOf(told.map(({ result }) => result)) }
}

/** The data of a page about a comparison alone. */
export function comparisonPageData(result: ComparisonResult): PageData {
  const comparison = comparisonView(result)
  return { format: 1, title: `${comparison.cells[0]?.scenarios.map(({ scenario }) => scenario).join(' against ') ?? 'Comparison'}: Proofroll`, proofroll: result.proofroll, campaigns: [], faults: [], costs: [], growths: [], comparison }
}

function acrossOf(results: readonly CampaignResult[]): Pick<PageData, 'costs' | 'growths'> {
  const drawn = results.filter(({ sweep, runs }) => sweep === null && runs > 0)
  return { costs: isWorthACostChart(drawn) ? drawn.map(costPoint) : [], growths: growthsOf(drawn) }
}

/** The page's text. It is readable before its program runs, and without. */
export async function renderPage(data: PageData): Promise<string> {
  const { renderApp } = (await import(pathToFileURL(assetPath('render.mjs')).href)) as Renderer
  const head = ['<!doctype html>', '<html lang="en">', '<head>', '<meta charset="utf-8">', '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="color-scheme" content="light dark">', `<title>${escapeHtml(data.title)}</title>`]
  return [
    ...head,
    `<style>${readAsset('page.css')}</style>`,
    '</head>',
    '<body>',
    `<div id="app">${renderApp(data)}</div>`,
    `<script type="application/json" id="data">${escapeJson(data)}</script>`,
    `<script>${escapeScript(readAsset('page.js'))}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

/** Text between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, (sign) => entities[sign] as string)
}

/** JSON for a script element: no text in it can end the element or begin a comment, and it parses to the same data. */
export function escapeJson(data: unknown): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

/** Our own program: what would end its element early is written otherwise. */
function escapeScript(program: string): string {
  return program.replace(/<\/(script)/gi, '<\\/$1').replaceAll('<!--', '<\\!--')
}
