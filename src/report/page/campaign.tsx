/** One campaign: verdict first, then what it rests on. */
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { distributionChart } from '../charts/distribution.ts'
import type { CampaignView, FailureView, SampleView } from '../view/page.ts'
import { ChartFigure } from './chart.tsx'
import { capital, Chain, Failure, Remark, Ways } from './failure.tsx'
import { Faults } from './fault.tsx'
import { Heat } from './heat.tsx'
import { Scroll, Section, Table, Words } from './parts.tsx'
import { Standstills } from './standstill.tsx'
import { useTheme } from './theme.tsx'
import { Tree } from './tree.tsx'
import { linkTo, showViewer, Viewer, viewerId } from './viewer.tsx'

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
        <p class="title">{view.title}{view.upgrade === '' ? '' : <>: <strong>{view.upgrade}</strong></>}</p>
        {view.overrides === '' ? null : <p class="overrides"><strong>Set on the command line:</strong> {view.overrides}</p>}
        <p class="sentence">{unbroken(view.sentence)}</p>
        <Gravest view={view} />
        {view.notCovered.length === 0 || kind === 'violated' ? null : <NotCovered view={view} />}
        <dl class="facts">{view.facts.map(([name, value]) => <div key={name} class={value.length > 130 ? 'long' : ''}><dt>{name}</dt><dd>{unbroken(value)}</dd></div>)}</dl>
        {view.description === '' ? null : <p class="note"><strong>The scenario, in its author’s words.</strong> <Words text={view.description} /></p>}
        {view.notCovered.length === 0 || kind !== 'violated' ? null : <NotCovered view={view} />}
        <p class="note"><Words text={view.limit} /></p>
      </header>
      {view.claims === null && view.objectives === null ? null : (
        <Section id={`${id}-claims`} title="Claimed beside measured">
          {view.claims === null ? null : <Table view={view.claims} caption="What the document claims beside what was measured" />}
          {view.objectives === null ? null : <Table view={view.objectives} caption="Objectives" left={2} />}
        </Section>
      )}
      <Failures view={view} asked={asked} />
      {view.deeds === null || (view.deeds.idle && view.failures.length === 0) ? null : <Section id={`${id}-deeds`} title="Failed, and passed over"><ul>{view.deeds.lines.map((words) => <li key={words}><Words text={words} /></li>)}</ul><Remark text={view.deeds.advice} /></Section>}
      {view.stopped.length === 0 ? null : <Unfinished view={view} />}
      <Sample view={view} asked={asked} />
      <Mends view={view} />
      {view.stopped.length === 0 ? <Unfinished view={view} /> : null}
      <Worst view={view} asked={asked} />
      {view.measures === null ? null : <Measures view={view} />}
      {view.checks.rows.length === 0 ? null : <Section id={`${id}-checks`} title="Checks"><Table view={view.checks} caption="Checks" left={3} />{view.outOfBudget === '' ? null : <Remark text={view.outOfBudget} />}</Section>}
      <Sweep view={view} />
      {view.gates === null ? null : <Section id={`${id}-gates`} title={view.gates.head[0] === 'guard' ? 'Guards' : 'Gates'}><Table view={view.gates} caption={`What each ${view.gates.head[0] as string} was good for`} />{view.needless.map((words) => <Remark key={words} text={words} />)}</Section>}
      {view.unhit.length === 0 && view.explored.length === 0 ? null : (
        <Section id={`${id}-unhit`} title="What was not exercised">
          {view.unhit.length === 0 ? <p>Every gate said yes and no, every fault struck and every way back was taken at least once, as far as there are any.</p> : <ul>{view.unhit.map((words) => <li key={words}><Words text={words} /></li>)}</ul>}
          {view.explored.map((words) => <Remark key={words} text={words} />)}
        </Section>
      )}
      {view.settings === null ? null : <Section id={`${id}-settings`} title="What the scenario says of its cluster and load"><Table view={view.settings} caption="What the scenario sets" left={3} /></Section>}
      <Assumptions view={view} />
      <Section id={`${id}-repeat`} title="To rehearse it again"><dl class="facts">{view.repeat.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl></Section>
    </article>
  )
}

/** Why runs did not come to their end, what led to that, and what came of running it again. */
function Unfinished({ view }: { readonly view: CampaignView }): JSX.Element {
  const { id } = view
  return (
    <>
      {view.unfinished.length === 0 ? null : <Section id={`${id}-unfinished`} title="Why the runbook did not reach its end"><ul>{view.unfinished.map((reason) => <li key={reason}><Words text={reason} /></li>)}</ul></Section>}
      {view.ending === null ? null : <Section id={`${id}-ending`} title="What led to that, in the first run"><Table view={view.ending} caption="The last commands, and what happened in the cluster" left={3} /></Section>}
      {view.again.length === 0 ? null : <Section id={`${id}-again`} title="Run again from the top, after it had failed"><ul>{view.again.map((words) => <li key={words}><Words text={words} /></li>)}</ul></Section>}
    </>
  )
}

/** A figure stays beside its sign. */
function unbroken(text: string): string {
  return text.replaceAll(' %', '\u00a0%')
}

/** Which measure says how much of a failure there was. */
const AMOUNTS_OF: Readonly<Record<string, string>> = { 'no-acknowledged-write-lost': 'lostAcknowledgedWrites', 'no-split-brain': 'splitBrainSeconds' }

/** Slips told on the first screen; all stand with the failure. */
const SLIPS_FIRST = 2

/** The worst of it in a few sentences, for whoever reads no further: what, where and why, with which faults, how much, and what would avoid it. */
function Gravest({ view: { id, failures, corrected, missed, stopped, ending, worst, deeds } }: { readonly view: CampaignView }): JSX.Element | null {
  const [first] = failures
  if (first === undefined && stopped.length === 0 && deeds?.idle === true) return <dl class="gravest"><div><dt>What failed, and was passed over</dt><dd>{deeds.lines.map((words) => <p key={words}><Words text={words} /></p>)}</dd></div><div><dt>What would avoid it</dt><dd><p><Words text={deeds.advice} /></p></dd></div></dl>
  if (first === undefined && stopped.length > 0) return <dl class="gravest"><div class="whole"><dt>What stopped it</dt><dd>{stopped.map((words) => <p key={words}><Words text={words} /></p>)}<p><a href={`#${id}-${ending === null ? 'unfinished' : 'ending'}`}>What led to that</a></p></dd></div></dl>
  if (first === undefined) return missed.length === 0 ? null : <dl class="gravest"><div><dt>What was missed</dt><dd>{missed.map(({ headline, why }) => <p key={headline}>{headline}. {why[0] ?? ''}</p>)}</dd></div>{missed.every(({ remedy }) => remedy === '') ? null : <div><dt>What would avoid it</dt><dd>{[...new Set(missed.map(({ remedy }) => remedy))].filter((remedy) => remedy !== '').map((remedy) => <p key={remedy}><strong>Usual remedy, not rehearsed here:</strong> <Words text={remedy} /></p>)}</dd></div>}</dl>
  const worse = worst.find(({ measures: ids }) => AMOUNTS_OF[first.check] !== undefined && ids.includes(AMOUNTS_OF[first.check] as string))
  // Less grave, and met more often: it stands beside the gravest, not before it.
  const often = failures.filter(({ follows, check, runs }) => !follows && check !== first.check && runs >= first.runs).toSorted((a, b) => b.runs - a.runs)[0]
  const also = missed.map(({ headline }) => headline.replace(/^It /, 'It also '))
  return (
    <dl class="gravest">
      <div>
        <dt>{failures.length === 1 ? 'How it failed' : 'The gravest failure'}</dt>
        <dd>
          <p>{first.headline}{first.where}{first.causeWords === '' ? '' : `: ${first.causeWords}`}.{first.amount === '' ? '' : ` ${capital(first.amount)}.`} <a href={linkTo(first)} onClick={(event) => { event.preventDefault(); history.replaceState(null, '', linkTo(first)); document.getElementById(viewerId(first))?.scrollIntoView() }}>See it happen</a>{worse === undefined ? null : <>, or <a href={linkTo(worse)}>the worst of all</a></>}</p>
          <p>{first.faults === 0 ? 'No fault was needed.' : <>{first.faults === 1 ? 'The fault' : 'The faults'}: <Faults all={first.schedule} />.</>}</p>
          {first.typed === '' ? null : <p>Typed there: <Words text={first.typed} />.</p>}
          {first.atEnd === '' ? null : <p><Words text={first.atEnd} /></p>}
          {first.heldUp.map((words) => <p key={words}>{words}</p>)}
          {first.slips.slice(0, SLIPS_FIRST).map((words) => <p key={words}><Words text={words} /></p>)}
          {often === undefined ? null : <p><strong>{often.runs > first.runs ? 'More often' : 'As often'}</strong> ({often.oftenWords}): {often.headline.replace(/^It /, 'it ')}{often.where}{often.causeWords === '' ? '' : `: ${often.causeWords}`}. <a href={linkTo(often)}>See that</a></p>}
          {also.map((words) => <p key={words}>{words}.</p>)}
        </dd>
      </div>
      <div><dt>What would avoid it</dt><dd><Ways failure={first} corrected={corrected} brief />{missed.filter(({ remedy }) => remedy !== '').map(({ headline, remedy }) => <p key={headline}><strong>For the missed objective, as usual:</strong> <Words text={remedy} /></p>)}</dd></div>
    </dl>
  )
}

function NotCovered({ view: { notCovered, sample } }: { readonly view: CampaignView }): JSX.Element {
  return (
    <div class="not-covered">
      <p><strong>Not covered</strong>{sample === null ? '' : <> (<a href={`#${viewerId(sample)}`}>one rehearsal as it went</a>)</>}</p>
      <ul>{notCovered.map((words) => <li key={words}><Words text={words} /></li>)}</ul>
    </div>
  )
}

/** A rehearsal in which no check failed, to see the runbook at work, or where it stops. */
function Sample({ view: { sample, id }, asked }: { readonly view: CampaignView; readonly asked: Asked | undefined }): JSX.Element | null {
  if (sample === null) return null
  return (
    <Section id={`${id}-sample`} title={sample.first === null ? 'One rehearsal as it went' : sample.headline}>
      <h3 class="hidden" id={`${sample.id}-headline`}>{sample.headline}</h3>
      <Rehearsal viewed={sample} asked={asked} />
    </Section>
  )
}

/** The worst rehearsals, one at a time. */
function Worst({ view: { worst, worstBeyond, id }, asked }: { readonly view: CampaignView; readonly asked: Asked | undefined }): JSX.Element | null {
  const [chosen, setChosen] = useState(worst[0]?.id)
  const wanted = worst.find((each) => each.id === asked?.failure)?.id
  useEffect(() => {
    if (wanted !== undefined) setChosen(wanted)
  }, [wanted, asked?.atUs])
  const shown = worst.find((each) => each.id === chosen) ?? worst[0]
  if (shown === undefined) return null
  return (
    <Section id={`${id}-worst`} title={worst.length === 1 ? 'The worst rehearsal' : 'The worst rehearsals'}>
      {worst.length === 1 ? null : <nav class="choice" aria-label="The worst rehearsals"><ul>{worst.map((each) => <li key={each.id}><a href={linkTo(each)} aria-current={each.id === shown.id ? 'true' : undefined} onClick={(event) => { event.preventDefault(); setChosen(each.id); history.replaceState(null, '', linkTo(each)) }}><span class="what">{each.headline.replace(/^The worst rehearsal for /, 'for ')}</span></a></li>)}</ul></nav>}
      <article class="worst" aria-labelledby={`${shown.id}-headline`} key={shown.id}>
        <h3 id={`${shown.id}-headline`}>{shown.headline}</h3>
        <p><strong>{capital(shown.amounts)}.</strong></p>
        {shown.why.map((words) => <p key={words}>{words}</p>)}
        <Rehearsal viewed={shown} asked={asked} />
        <p>Rehearse it alone: <code>{shown.command}</code></p>
      </article>
      {worstBeyond.map((words) => <Remark key={words} text={words} />)}
    </Section>
  )
}

/** A rehearsal told by itself: how it went, and its timeline. */
function Rehearsal({ viewed, asked }: { readonly viewed: SampleView; readonly asked: Asked | undefined }): JSX.Element {
  const [us, setUs] = useState(viewed.first?.atUs ?? 0)
  const at = asked?.failure === viewed.id ? asked.atUs : undefined
  useEffect(() => {
    if (at !== undefined) setUs(at)
  }, [at])
  const jump = (to: number): void => {
    setUs(Math.max(0, to))
    history.replaceState(null, '', linkTo(viewed, to))
  }
  return (
    <>
      <p><Words text={viewed.words} /></p>
      {viewed.because.length === 0 ? null : <Chain of={viewed} go={(to) => { jump(to); showViewer(viewed) }} />}
      {viewed.atEnd === '' ? null : <p><Words text={viewed.atEnd} /></p>}
      {viewed.slips.length === 0 ? null : <><p class="sub"><strong>What went amiss in it and stopped nobody</strong></p><ul class="slips">{viewed.slips.map((words) => <li key={words}><Words text={words} /></li>)}</ul></>}
      <Viewer viewed={viewed} us={us} jump={jump} />
      <Standstills of={viewed} go={(to) => { jump(to); showViewer(viewed) }} />
      <Tree viewed={viewed} us={us} go={(to) => { jump(to); showViewer(viewed) }} />
    </>
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
  const missed = view.missed.map(({ headline, why, remedy }) => <div class="missed" key={headline}><p><strong>{headline}.</strong></p>{why.length === 0 ? null : <ul>{why.map((words) => <li key={words}><Words text={words} /></li>)}</ul>}{remedy === '' ? null : <p><strong>Usual remedy, not rehearsed here:</strong> <Words text={remedy} /></p>}</div>)
  if (failure === undefined) return <Section id={`${view.id}-failures`} title="Failures">{missed.length > 0 ? missed : <p>{view.stopped.length > 0 ? 'No check failed. But too few rehearsals reached the end of the runbook.' : view.deeds?.idle === true ? 'No check failed. But hardly anything was done that could have failed one.' : view.badge === 'NOTHING REHEARSED' ? 'Nothing was rehearsed.' : 'None was found.'}</p>}</Section>
  const own = view.failures.filter(({ follows }) => !follows).length
  const objectives = view.missed.length === 0 ? '' : `, and ${view.missed.length === 1 ? 'an objective' : `${view.missed.length} objectives`} it missed`
  return (
    <Section id={`${view.id}-failures`} title={own <= 1 ? `How it failed${objectives}` : `${own} ways it failed${objectives}`}>
      {view.failures.length === 1 ? null : <Choice failures={view.failures} chosen={failure.id} choose={setChosen} />}
      {missed}
      <Failure key={failure.id} failure={failure} corrected={view.corrected} at={asked?.failure === failure.id ? asked.atUs : undefined} />
      {view.failuresBeyond === '' ? null : <Remark text={view.failuresBeyond} />}
    </Section>
  )
}

function Choice({ failures, chosen, choose }: { readonly failures: readonly FailureView[]; readonly chosen: string; readonly choose: (id: string) => void }): JSX.Element {
  const own = failures.filter(({ follows }) => !follows)
  const following = failures.filter(({ follows }) => follows)
  const list = (some: readonly FailureView[]): JSX.Element => (
      <ol>
        {some.map((failure) => (
          <li key={failure.id}>
            <a href={linkTo(failure)} aria-current={failure.id === chosen ? 'true' : undefined} onClick={(event) => { event.preventDefault(); choose(failure.id); history.replaceState(null, '', linkTo(failure)) }}>
              <span class="what">{failure.headline.replace(/^It /, '')}</span><span class="note">{failure.stepLabel === '' ? '' : failure.where}: {failure.causeWords === '' ? '' : `${failure.causeWords} `}({failure.cause}; {failure.words})</span>
            </a>
          </li>
        ))}
      </ol>
  )
  return (
    <nav class="choice" aria-label="Failures, the gravest first">
      {list(own)}
      {own.length < 2 ? null : <p class="note">The gravest first, however rare; of one sort those that need the fewest faults, then the most frequent. A rehearsal that fails a check in several ways is counted once, by the gravest or the largest of them.</p>}
      {following.length === 0 ? null : <details><summary>{following.length === 1 ? 'One more that follows' : `${following.length} more that follow`} from {own.length === 1 ? 'it' : 'these'}</summary>{list(following)}</details>}
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
        <p class="screen-only"><label for={`${view.id}-draw`}>Draw another measure</label> <select id={`${view.id}-draw`} value={other} onChange={(event) => setOther(event.currentTarget.value)}><option value="">…</option>{others.map(({ measure, name }) => <option key={measure} value={measure}>{name}</option>)}</select></p>
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
