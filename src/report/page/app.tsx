/** The whole page. It is the same on paper, without its program, and alive. */
import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { PageData } from '../view/page.ts'
import { type Asked, Campaign } from './campaign.tsx'
import { costChart, growthChart } from '../charts/relations.ts'
import { Comparison } from './comparison.tsx'
import { ChartFigure } from './chart.tsx'
import { FaultList } from './fault.tsx'
import { KindsContext, kindsOf } from './kinds.tsx'
import { Section } from './parts.tsx'
import { viewerId } from './viewer.tsx'
import { SchemeContext, useScheme, useTheme } from './theme.tsx'

export function App({ data }: { readonly data: PageData }): JSX.Element {
  const [scheme, setScheme] = useScheme()
  const asked = useAsked()
  usePaper()
  const { campaigns } = data
  const kinds = useMemo(() => kindsOf(data), [data])
  return (
    <SchemeContext.Provider value={scheme}>
    <KindsContext.Provider value={kinds}>
      <a class="skip" href="#main">To the verdict</a>
      {campaigns.flatMap(({ failures: [first], sample }) => (first ?? sample) ?? []).slice(0, 1).map((viewed) => <a class="skip" key={viewed.id} href={`#${viewerId(viewed)}`}>To the timeline</a>)}
      <div class="bar">
        <span class="brand">Proofroll</span>
        {campaigns.length > 1 ? <nav aria-label="Scenarios"><ul>{campaigns.map(({ id, scenario, verdict, apart }) => <li key={id}><a href={`#${id}`}>{verdict === 'violated' ? '✗' : verdict === 'held' ? '✓' : '…'} {scenario}{apart === '' ? '' : ` (${apart})`}</a></li>)}</ul></nav> : <Contents data={data} />}
        <button type="button" class="scheme screen-only" onClick={() => setScheme(scheme === 'dark' ? 'light' : 'dark')}>{scheme === 'dark' ? 'Light' : 'Dark'}</button>
      </div>
      <main id="main">
        {data.comparison === undefined ? null : <Comparison view={data.comparison} />}
        {campaigns.length === 0 && data.comparison === undefined ? <p>There is no result to show.</p> : campaigns.map((view) => <Campaign key={view.id} view={view} asked={asked} />)}
        <Across data={data} />
        <FaultList faults={data.faults} />
      </main>
      <footer><p class="note">Made by Proofroll {data.proofroll}. Everything is in this one file.</p></footer>
    </KindsContext.Provider>
    </SchemeContext.Provider>
  )
}

function Across({ data }: { readonly data: PageData }): JSX.Element | null {
  const theme = useTheme()
  const { costs, growths } = data
  if (costs.length === 0 && growths.length === 0) return null
  return (
    <Section id="across" title="Beside one another">
      <div class="charts">
        {costs.length === 0 ? null : <ChartFigure height={360} alt={costs.map(({ label, dollars, downtimeSeconds }) => `${label}: $${dollars.toFixed(2)}, ${downtimeSeconds.toFixed(1)} s down`).join('; ')} make={() => costChart(costs, theme, 'What an upgrade costs, and how long writes are down')} deps={[theme]} />}
        {growths.map(({ scenario, growth }) => <ChartFigure key={`${scenario} ${growth.option}`} height={360} alt={growth.measures.map(({ name, unit, points }) => `${name} [${unit}]: ${points.map(({ size, p50 }) => `${size}: ${p50}`).join(', ')}`).join('; ')} make={() => growthChart(growth, theme, `${scenario}: growth with ${growth.option}`)} deps={[theme]} />)}
      </div>
    </Section>
  )
}

function Contents({ data }: { readonly data: PageData }): JSX.Element | null {
  const [only] = data.campaigns
  const [cell] = data.comparison?.cells ?? []
  if (cell !== undefined) return <nav aria-label="Contents"><ul>{[['how', 'how each did'], ['decision', 'decision table'], ['money', 'price of downtime']].map(([id, words]) => <li key={id}><a href={`#${cell.id}-${id}`}>{words}</a></li>)}</ul></nav>
  if (only === undefined) return null
  const links: [string, string, boolean][] = [['claims', 'claims', only.claims !== null || only.objectives !== null], ['failures', 'failures', true], ['sample', 'one rehearsal', only.sample !== null], ['worst', 'the worst', only.worst.length > 0], ['measures', 'measures', only.measures !== null], ['checks', 'checks', only.checks.rows.length > 0], ['heat-0', 'faults × steps', only.heat.length > 0], ['gates', 'gates', only.gates !== null], ['assumptions', 'assumptions', only.assumptions.rows.length > 0]]
  return <nav aria-label="Contents"><ul>{links.filter(([, , there]) => there).map(([id, words]) => <li key={id}><a href={`#${only.id}-${id}`}>{words}</a></li>)}</ul></nav>
}

/** On paper nothing can be opened: what is folded is open while it is printed. */
function usePaper(): void {
  useEffect(() => {
    let opened: HTMLDetailsElement[] = []
    const open = (): void => {
      opened = [...document.querySelectorAll<HTMLDetailsElement>('.cluster details:not([open]), .choice details:not([open]), details.twin:not([open]), .standstills details:not([open])')]
      for (const each of opened) each.open = true
    }
    const close = (): void => opened.forEach((each) => { each.open = false })
    addEventListener('beforeprint', open)
    addEventListener('afterprint', close)
    return () => {
      removeEventListener('beforeprint', open)
      removeEventListener('afterprint', close)
    }
  }, [])
}

/** What the address asks for: `#campaign/2@74.691` is an instant of a failure. */
function useAsked(): Asked | undefined {
  const [asked, setAsked] = useState<Asked | undefined>(undefined)
  useEffect(() => {
    const look = (): void => {
      const [, failure, seconds] = /^#(.+\/w?\d+)(?:@([\d.]+))?$/.exec(decodeURI(location.hash)) ?? []
      if (failure === undefined) return
      setAsked({ failure, atUs: seconds === undefined ? undefined : Math.round(Number(seconds) * 1e6) })
      document.getElementById(`${failure}-headline`)?.scrollIntoView()
      requestAnimationFrame(() => document.getElementById(`${failure}-headline`)?.scrollIntoView())
    }
    look()
    addEventListener('hashchange', look)
    return () => removeEventListener('hashchange', look)
  }, [])
  return asked
}
