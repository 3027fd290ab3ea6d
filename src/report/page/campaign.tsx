/** One campaign: verdict first, then what it rests on. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { distributionChart } from '../charts/distribution.ts'
import type { CampaignView, FailureView } from '../view/page.ts'
import { ChartFigure } from './chart.tsx'
import { Failure, linkTo, Remark } from './failure.tsx'
import { Heat } from './heat.tsx'
import { Scroll, Section, Table, Words } from './parts.tsx'
import { useTheme } from './theme.tsx'

const SIGNS = { held: '✓', violated: '✗', partial: '…' } as const

/** A failure that a link asks for, with its instant. */
export interface Asked {
  readonly failure: string
  readonly atUs: number | undefined
}

export function Campaign({ view, asked }: { readonly view: CampaignView; readonly asked: Asked | undefined }): JSX.Element {
  const { id, verdict: kind } = view
  const badge = `${SIGNS[kind]} ${view.badge}`
  return (
    <article class="campaign" id={id} aria-labelledby={`${id}-name`}>
      <header class={`verdict ${kind}`}>
        <p class="badge-line"><strong class={`verdict-badge ${kind}`}>{badge}</strong></p>
        <h1 id={`${id}-name`}>{view.scenario}{view.apart === '' ? '' : <span class="apart"> ({view.apart})</span>}</h1>
        <p class="title">{view.title}</p>
        <p class="sentence">{unbroken(view.sentence)}</p>
        <Gravest view={view} />
        <dl class="facts">{view.facts.map(([name, value]) => <div key={name} class={value.length > 130 ? 'long' : ''}><dt>{name}</dt><dd>{unbroken(value)}</dd></div>)}</dl>
        <p class="note"><Words text={view.limit} /></p>
      </header>
      {view.claims === null && view.objectives === null ? null : (
        <Section id={`${id}-claims`} title="Claimed beside measured">
          {view.claims === null ? null : <Table view={view.claims} caption="What the document claims beside what was measured" />}
          {view.objectives === null ? null : <Table view={view.objectives} caption="Objectives" left={2} />}
        </Section>
      )}
      <Assumptions view={view} />
      <Failures view={view} asked={asked} />
      <Mends view={view} />
      {view.unfinished.length === 0 ? null : <Section id={`${id}-unfinished`} title="Why the runbook did not reach its end"><ul>{view.unfinished.map((reason) => <li key={reason}><Words text={reason} /></li>)}</ul></Section>}
      {view.ending === null ? null : <Section id={`${id}-ending`} title="What led to that, in the first run"><Table view={view.ending} caption="The last commands, and what happened in the cluster" left={3} /></Section>}
      {view.again.length === 0 ? null : <Section id={`${id}-again`} title="Run again from the top, after it had failed"><ul>{view.again.map((words) => <li key={words}><Words text={words} /></li>)}</ul></Section>}
      {view.measures === null ? null : <Measures view={view} />}
      <Section id={`${id}-checks`} title="Checks"><Table view={view.checks} caption="Checks" left={3} />{view.outOfBudget === '' ? null : <Remark text={view.outOfBudget} />}</Section>
      <Sweep view={view} />
      {view.gates === null ? null : <Section id={`${id}-gates`} title={view.gates.head[0] === 'guard' ? 'Guards' : 'Gates'}><Table view={view.gates} caption={`What each ${view.gates.head[0] as string} was good for`} />{view.needless.map((words) => <Remark key={words} text={words} />)}</Section>}
      {view.unhit.length === 0 && view.explored.length === 0 ? null : (
        <Section id={`${id}-unhit`} title="What was not exercised">
          {view.unhit.length === 0 ? <p>Every gate said yes and no, every fault struck and every way back was taken at least once, as far as there are any.</p> : <ul>{view.unhit.map((words) => <li key={words}>{words}</li>)}</ul>}
          {view.explored.map((words) => <Remark key={words} text={words} />)}
        </Section>
      )}
    </article>
  )
}

/** A figure stays beside its sign. */
function unbroken(text: string): string {
  return text.replaceAll(' %', '\u00a0%')
}

/** The worst of it in three sentences, for whoever reads no further: what, where and why, and what would avoid it. */
function Gravest({ view: { failures } }: { readonly view: CampaignView }): JSX.Element | null {
  const [first] = failures
  if (first === undefined) return null
  return (
    <dl class="gravest">
      <div><dt>{failures.length === 1 ? 'How it failed' : 'The gravest failure'}</dt><dd>{first.headline}{first.where}{first.causeWords === '' ? '' : `: ${first.causeWords}`}. <a href={linkTo(first)}>See it happen</a></dd></div>
      {first.remedy === null && first.advice === '' ? null : <div><dt>What would avoid it</dt><dd><Words text={[first.remedy ?? '', first.advice].filter((words) => words !== '').join(' ')} /></dd></div>}
    </dl>
  )
}

function Mends({ view: { mends, id } }: { readonly view: CampaignView }): JSX.Element | null {
  if (mends === null) return null
  return (
    <Section id={`${id}-mends`} title="Smallest edits that prevent it">
      <p>{mends.how}</p>
      {mends.offers.map(({ title, words, patch }) => (
        <article class="mend" key={patch}>
          <h3>{title}</h3>
          <ul>{words.map((each) => <li key={each}>{each}</li>)}</ul>
          <Scroll label={`The edit as a diff: ${title}`}><pre class="diff">{patch.split('\n').map((line, i) => <span key={i} class={/^(?:\+\+\+|---) /.test(line) ? '' : line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''}>{`${line}\n`}</span>)}</pre></Scroll>
        </article>
      ))}
      {mends.none === '' ? null : <p>{mends.none}</p>}
    </Section>
  )
}

function Failures({ view, asked }: { readonly view: CampaignView; readonly asked: Asked | undefined }): JSX.Element {
  const [first] = view.failures
  const [chosen, setChosen] = useState(first?.id)
  const [seen, setSeen] = useState<string | undefined>(undefined)
  // A link that was followed wins over what was chosen before it.
  const wanted = asked === undefined ? undefined : `${asked.failure}@${asked.atUs ?? ''}`
  if (wanted !== seen) {
    setSeen(wanted)
    if (asked !== undefined && view.failures.some(({ id }) => id === asked.failure)) setChosen(asked.failure)
  }
  const failure = view.failures.find(({ id }) => id === chosen) ?? first
  if (failure === undefined) return <Section id={`${view.id}-failures`} title="Failures"><p>None was found.</p></Section>
  return (
    <Section id={`${view.id}-failures`} title={view.failures.length === 1 ? 'How it failed' : `${view.failures.length} ways it failed`}>
      {view.failures.length === 1 ? null : <Choice failures={view.failures} chosen={failure.id} choose={setChosen} />}
      <Failure key={failure.id} failure={failure} at={asked?.failure === failure.id ? asked.atUs : undefined} />
      {view.failuresBeyond === '' ? null : <Remark text={view.failuresBeyond} />}
    </Section>
  )
}

function Choice({ failures, chosen, choose }: { readonly failures: readonly FailureView[]; readonly chosen: string; readonly choose: (id: string) => void }): JSX.Element {
  return (
    <nav class="choice" aria-label="Failures, the gravest first">
      <ol>
        {failures.map((failure) => (
          <li key={failure.id}>
            <a href={linkTo(failure)} aria-current={failure.id === chosen ? 'true' : undefined} onClick={(event) => { event.preventDefault(); choose(failure.id); history.replaceState(null, '', linkTo(failure)) }}>
              <span class="what">{failure.headline.replace(/^It /, '')}</span><span class="note">{failure.stepLabel === '' ? '' : failure.where}: {failure.causeWords === '' ? '' : `${failure.causeWords} `}({failure.cause}; {failure.words})</span>
            </a>
          </li>
        ))}
      </ol>
    </nav>
  )
}

/** Measures that are pictured first. */
const FIRST = ['writeDowntimeSeconds', 'lostAcknowledgedWrites', 'mixedVersionSeconds']

function Measures({ view }: { readonly view: CampaignView }): JSX.Element {
  const theme = useTheme()
  const firsts = view.distributions.filter(({ measure }) => FIRST.includes(measure))
  const others = view.distributions.filter(({ measure }) => !FIRST.includes(measure))
  const [other, setOther] = useState('')
  const shown = [...firsts, ...others.filter(({ measure }) => measure === other)]
  return (
    <Section id={`${view.id}-measures`} title="Measured">
      <div class="charts">
        {shown.map(({ measure, name, series }) => {
          const { distribution } = series[0] as (typeof series)[number]
          const { words } = distribution
          const alt = `Distribution of ${name}: median ${words.p50}, p99 ${words.p99}, worst ${words.max}`
          return <ChartFigure key={measure} height={300} alt={alt} make={() => distributionChart(series, theme, name)} deps={[theme, measure]} />
        })}
      </div>
      {others.length === 0 ? null : (
        <p class="screen-only"><label for={`${view.id}-draw`}>Also draw</label> <select id={`${view.id}-draw`} value={other} onChange={(event) => setOther(event.currentTarget.value)}><option value="">…</option>{others.map(({ measure, name }) => <option key={measure} value={measure}>{name}</option>)}</select></p>
      )}
      {view.measures === null ? null : <Table view={view.measures} caption="Measures" left={2} />}
      {view.downtimeSteps === null ? null : <Table view={view.downtimeSteps} caption="Where writes were down" />}
    </Section>
  )
}

function Sweep({ view }: { readonly view: CampaignView }): JSX.Element | null {
  if (view.grid === null) return null
  return (
    <>
      <Section id={`${view.id}-grid`} title="The grid"><Table view={view.grid} caption="Blocks of the grid" /></Section>
      {view.heat.map((heat, i) => <Section key={heat.heading} id={`${view.id}-heat-${i}`} title={heat.heading}><Heat heat={heat} /></Section>)}
      {view.noReturn.length === 0 ? null : <Section id={`${view.id}-no-return`} title="Point of no return"><ul>{view.noReturn.map((words) => <li key={words}>{words}</li>)}</ul></Section>}
      {view.tolerance === null ? null : <Section id={`${view.id}-mistakes`} title="Which mistakes of the operator the runbook survives"><Table view={view.tolerance} caption="Mistakes" left={99} /></Section>}
    </>
  )
}

function Assumptions({ view }: { readonly view: CampaignView }): JSX.Element | null {
  if (view.assumptions.rows.length === 0) return null
  const [head, ...flips] = view.flips
  return (
    <Section id={`${view.id}-assumptions`} title="What was assumed about the cluster">
      {head === undefined ? <Remark text="Which of these would flip the verdict was not looked into: `--sensitivity` does." /> : <p><strong>{head}</strong></p>}
      {flips.length === 0 ? null : <ul>{flips.map((words) => <li key={words}>{words}</li>)}</ul>}
      {view.tornado === null ? null : <details><summary>How far each assumption moves each measure</summary><Table view={view.tornado} caption="How far each assumption moves each measure" left={3} /></details>}
      <details><summary>{view.assumptions.rows.length === 1 ? 'One value' : `${view.assumptions.rows.length} values`} that the scenario does not set</summary><Table view={view.assumptions} caption="Assumptions" left={4} /></details>
    </Section>
  )
}

export { Scroll }
