/** One way to fail: what went wrong, why, what would avoid it, and the cluster at every instant of it. */
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { CampaignView, FailureView } from '../view/page.ts'
import { Fault, kindOf } from './fault.tsx'
import { clock, grouped, Scroll, Words } from './parts.tsx'
import { Standstills } from './standstill.tsx'
import { Tree } from './tree.tsx'
import { linkTo, showViewer, Viewer } from './viewer.tsx'

export { linkTo } from './viewer.tsx'

/** @param at the instant that a link asks for */
export function Failure({ failure, corrected, at }: { readonly failure: FailureView; readonly corrected: CampaignView['corrected']; readonly at: number | undefined }): JSX.Element {
  const { timeline, first } = failure
  const [us, setUs] = useState(Math.min(first?.atUs ?? 0, timeline?.endUs ?? 0))
  useEffect(() => {
    if (at !== undefined) setUs(at)
  }, [at])
  const jump = (to: number): void => {
    setUs(Math.max(0, to))
    history.replaceState(null, '', linkTo(failure, to))
  }
  const go = (to: number): void => {
    jump(to)
    showViewer(failure)
  }
  return (
    <article class="failure" aria-labelledby={`${failure.id}-headline`}>
      <h3 id={`${failure.id}-headline`}>{failure.headline}{failure.where}</h3>
      <Answers failure={failure} corrected={corrected} go={go} />
      {timeline === null ? <p class="note">Only the first failures have a picture here. To see this one: <code>{failure.replay}</code></p> : <Viewer viewed={failure} us={us} jump={jump} />}
      <Standstills of={failure} go={go} />
      {failure.tree.length > 0 ? <Tree viewed={failure} us={us} go={go} /> : null}
      <More failure={failure} />
    </article>
  )
}

function Answers({ failure, corrected, go }: { readonly failure: FailureView; readonly corrected: CampaignView['corrected']; readonly go: (us: number) => void }): JSX.Element {
  const { evidence, because, root, tested, observed, faults, schedule, faultsFound, causeWords, cause, unnoticed, slips, amount, atEnd, judgedAt } = failure
  const said = because.findIndex(({ said: repeated }) => repeated)
  const link = (clause: FailureView['because'][number], i: number): JSX.Element => <Instant of={failure} clause={clause} nth={i} go={go} />
  return (
    <dl class="answers">
      <div class="what">
        <dt>What went wrong</dt>
        <dd>
          {causeWords === '' ? null : <p><strong>{capital(causeWords)}.</strong></p>}
          <p><Words text={evidence} />{because[said] === undefined ? '' : <> {link(because[said], said)}</>}</p>
          {amount === '' ? null : <p>{capital(amount)}.</p>}
          {atEnd === '' ? null : <p><Words text={atEnd} /></p>}
          {faults === 0 ? null : <><p class="sub">With {faults === 1 ? 'one fault' : `${faults} faults`}{faultsFound > faults ? `, shrunk from ${faultsFound}` : ''}</p><ul class="slips">{schedule.map((words, i) => <li key={i}><Fault words={words} whole={schedule.findIndex((other) => kindOf(other) === kindOf(words)) === i} /></li>)}</ul></>}
          <p class="note">{faults === 0 ? 'No fault was needed: the runbook does it by itself.' : ''} {failure.often} {judgedAt} <span class="id">Cause id: {cause}.</span></p>
        </dd>
      </div>
      <div class="why">
        <dt>Why, in order of time</dt>
        <dd>
          <Chain of={failure} go={go} />
          {slips.length === 0 && unnoticed === '' ? null : <><p class="sub">What stopped nobody</p><ul class="slips">{slips.map((words) => <li key={words}><Words text={words} /></li>)}{unnoticed === '' ? null : <li><Words text={unnoticed} /></li>}</ul></>}
          {root === null ? null : <p class={root.tested ? 'tested' : 'note'}><Words text={root.words} /></p>}
          {observed === '' ? null : <p class="note"><Words text={observed} /></p>}
        </dd>
      </div>
      <div class="fix">
        <dt>What would avoid it</dt>
        <dd>
          <Ways failure={failure} corrected={corrected} />
          {tested.length === 0 ? <p class="note">Only the gravest failure is looked into by itself. For this one: <code>{failure.replay} --explain</code></p> : null}
        </dd>
      </div>
    </dl>
  )
}

/** The clauses in order of time, each with its instant; one that only repeats the evidence stands with that. */
export function Chain({ of, go }: { readonly of: Pick<FailureView, 'id' | 'because'>; readonly go: (us: number) => void }): JSX.Element {
  return <ol class="chain">{of.because.map((clause, i) => (clause.said ? null : <li key={i}><Instant of={of} clause={clause} nth={i} go={go} /> <Words text={clause.text} />{clause.step === '' ? '' : <span class="where"> (step {clause.step})</span>}</li>))}</ol>
}

function Instant({ of, clause, nth, go }: { readonly of: Pick<FailureView, 'id'>; readonly clause: FailureView['because'][number]; readonly nth: number; readonly go: (us: number) => void }): JSX.Element {
  return <a href={linkTo(of, clause.atUs)} onClick={(event) => { event.preventDefault(); go(clause.atUs) }} title="Show this instant on the timeline"><span class="badge">{nth + 1}</span> <time>{clause.clock}</time></a>
}

/** What is tested first; what is only known from other cases is said to be that. */
/** @param brief only the first sentence of what was tested */
export function Ways({ failure: { remedy, advice, tested: all }, corrected, brief = false }: { readonly failure: Pick<FailureView, 'remedy' | 'advice' | 'tested'>; readonly corrected: CampaignView['corrected']; readonly brief?: boolean }): JSX.Element {
  const tested = brief ? all.slice(0, 1) : all
  const usual = [remedy ?? '', advice].filter((words) => words !== '').join(' ')
  return (
    <>
      {tested.filter(({ mends }) => mends).map(({ words }, i) => <p key={i} class="tested"><strong>Rehearsed:</strong> <Words text={words} /></p>)}
      {usual === '' ? null : <p><strong>Usual remedy, not rehearsed here:</strong> <Words text={usual} /></p>}
      {tested.filter(({ mends }) => !mends).map(({ words }, i) => <p key={i} class="note"><Words text={words} /></p>)}
      {corrected === null ? null : <p>A runbook for the same job, written to avoid such mistakes: <code>{corrected.command}</code> <span class="note">(judged by objectives of its own)</span></p>}
      {usual === '' && tested.length === 0 && corrected === null ? <p>No general advice is known for this cause.</p> : null}
    </>
  )
}

export function capital(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}

function More({ failure }: { readonly failure: FailureView }): JSX.Element {
  const { stranded, replay, seed, run, hash } = failure
  return (
    <div class="more">
      {stranded.length === 0 ? null : (
        <Scroll label="What became of acknowledged writes that are missing">
          <table class="stacks">
            <caption>Acknowledged writes that the history that counts lacks</caption>
            <thead><tr><th scope="col" class="figure">writes</th><th scope="col" class="left">acknowledged by</th><th scope="col" class="left">from – to</th><th scope="col" class="left">where they are now</th><th scope="col" class="left">whose loss</th></tr></thead>
            <tbody>{stranded.map((loss, i) => <tr key={i}><td class="figure" data-column="writes">{grouped(loss.writes)}</td><td class="left" data-column="acknowledged by">{[loss.leader || 'unknown', loss.line].filter((part) => part !== '').join(', ')}</td><td class="left" data-column="from – to">{clock(loss.fromUs)} – {clock(loss.toUs)}</td><td class="left" data-column="where they are now">{loss.fate === 'stranded' ? `still on ${loss.holders.join(', ')}, which nobody reads` : 'nowhere: destroyed'}</td><td class="left" data-column="whose loss">{loss.inherent ? 'inherent to asynchronous replication' : 'the runbook’s'}</td></tr>)}</tbody>
          </table>
        </Scroll>
      )}
      <p>See it again: <code>{replay}</code></p>
      <p class="note">Run {grouped(run)}, seed {seed}, trace <code>{hash}</code>. <a href={linkTo(failure)}>Link to this failure</a></p>
    </div>
  )
}

/** Text of a remark with code in it. */
export function Remark({ text }: { readonly text: string }): JSX.Element {
  return <p class="note"><Words text={text} /></p>
}
