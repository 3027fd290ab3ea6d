/** The counterexample viewer: what went wrong, why, and the cluster at every instant of it. */
import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { FailureView, TreeLine } from '../view/page.ts'
import { Cluster } from './cluster.tsx'
import { stepAt, stopsOf } from './instant.ts'
import { Lanes, Legend } from './lanes.tsx'
import { clock, grouped, lasting, Scroll, Words } from './parts.tsx'

const ZOOMS = [1, 2, 4, 8, 16]

/** @param at the instant that a link asks for */
export function Failure({ failure, at }: { readonly failure: FailureView; readonly at: number | undefined }): JSX.Element {
  const { timeline, first } = failure
  const [us, setUs] = useState(Math.min(first?.atUs ?? 0, timeline?.endUs ?? 0))
  useEffect(() => {
    if (at !== undefined) setUs(at)
  }, [at])
  const jump = (to: number): void => {
    setUs(Math.max(0, to))
    history.replaceState(null, '', linkTo(failure, to))
  }
  return (
    <article class="failure" aria-labelledby={`${failure.id}-headline`}>
      <h3 id={`${failure.id}-headline`}>{failure.headline}{failure.where}</h3>
      <Answers failure={failure} jump={jump} />
      {timeline === null ? <p class="note">Only the first failures have a picture here. To see this one: <code>{failure.replay}</code></p> : <Viewer failure={failure} us={us} jump={jump} />}
      {failure.tree.length > 0 ? <Tree failure={failure} jump={jump} /> : null}
      <More failure={failure} />
    </article>
  )
}

/** A link to one instant of a failure. */
export function linkTo({ id }: Pick<FailureView, 'id'>, us?: number): string {
  return `#${id}${us === undefined ? '' : `@${(Math.max(0, us) / 1e6).toFixed(3)}`}`
}

function Answers({ failure, jump }: { readonly failure: FailureView; readonly jump: (us: number) => void }): JSX.Element {
  const { evidence, because, root, tested, remedy, faults, schedule, faultsFound, causeWords, cause, unnoticed } = failure
  const said = because.findIndex(({ said: repeated }) => repeated)
  const link = (clause: FailureView['because'][number], i: number): JSX.Element => <a href={linkTo(failure, clause.atUs)} onClick={(event) => { event.preventDefault(); jump(clause.atUs) }} title="Show this instant"><span class="badge">{i + 1}</span> <time>{clause.atUs < 0 ? 'before' : clause.clock.slice(0, -2)}</time></a>
  return (
    <dl class="answers">
      <div class="what">
        <dt>What went wrong</dt>
        <dd>
          {causeWords === '' ? null : <p><strong>{capital(causeWords)}.</strong></p>}
          <p><Words text={evidence} />{because[said] === undefined ? '' : <> {link(because[said], said)}</>}</p>
          <p class="note">{faults === 0 ? 'No fault was needed: the runbook does it by itself.' : <>With {faults === 1 ? 'one fault' : `${faults} faults`}: {schedule.join('; ')}.{faultsFound > faults ? ` Shrunk from ${faultsFound}.` : ''}</>} {failure.often} <span class="id">Cause id: {cause}.</span></p>
        </dd>
      </div>
      <div class="why">
        <dt>Why</dt>
        <dd>
          <ol class="chain">
            {because.map((clause, i) => (i === said ? null : (
              <li key={i}>
                {i === 0 || i === said + 1 ? '' : 'because '}
                {link(clause, i)} <Words text={clause.text} />{clause.step === '' ? '' : <span class="where"> (step {clause.step})</span>}
              </li>
            )))}
          </ol>
          {unnoticed === '' ? null : <p><Words text={unnoticed} /></p>}
          {root === null ? null : <p class={root.tested ? 'tested' : 'note'}>{root.words}</p>}
        </dd>
      </div>
      <div class="fix">
        <dt>What would avoid it</dt>
        <dd>
          {remedy === null ? null : <p><Words text={remedy} /><span class="note"> {failure.remedyNote}</span></p>}
          {failure.advice === '' ? null : <p><Words text={failure.advice} /></p>}
          {tested.map(({ words, mends }, i) => <p key={i} class={mends ? 'tested' : ''}><strong>Tested:</strong> {words}</p>)}
          {remedy === null && failure.advice === '' && tested.length === 0 ? <p>No general advice is known for this cause.</p> : null}
          {tested.length === 0 ? <p class="note">Only the gravest failure is looked into by itself. For this one: <code>{failure.replay} --explain</code></p> : null}
        </dd>
      </div>
    </dl>
  )
}

function Viewer({ failure, us, jump }: { readonly failure: FailureView; readonly us: number; readonly jump: (us: number) => void }): JSX.Element | null {
  const { timeline, because, inevitable, twin, first } = failure
  const [toScale, setToScale] = useState(false)
  const [zoom, setZoom] = useState(1)
  const stops = useMemo(() => (timeline === null ? [] : stopsOf(timeline, [...because.map(({ atUs }) => atUs), ...(first === null ? [] : [first.atUs])])), [timeline])
  if (timeline === null) return null
  const nearest = nearestStop(stops, us)
  const here = stepAt(timeline, us)
  const leaves = timeline.steps.filter(({ container, result }) => !container && result !== 'skipped')
  const previous = leaves.findLast(({ fromUs }) => fromUs < us)
  const next = leaves.find(({ fromUs }) => fromUs > us)
  const words = `${clock(us)}${here === undefined ? '' : `, ${us > here.toUs ? 'after' : 'in'} step ${here.label}`}`
  const level = ZOOMS.indexOf(zoom)
  return (
    <section class="viewer" aria-label="The rehearsal on its time axis">
      <div class="tools">
        {first === null ? null : <button type="button" class="primary" onClick={() => jump(first.atUs)}>Jump to where it goes wrong <span class="note">{clock(first.atUs)} {first.what}</span></button>}
        <button type="button" disabled={previous === undefined} onClick={() => previous && jump(previous.fromUs)}>◀ step</button>
        <button type="button" disabled={next === undefined} onClick={() => next && jump(next.fromUs)}>step ▶</button>
        <span class="spacer" />
        <button type="button" aria-pressed={toScale} onClick={() => setToScale(!toScale)}>Time to scale</button>
        <button type="button" aria-label="Zoom out" disabled={level === 0} onClick={() => setZoom(ZOOMS[level - 1] ?? 1)}>−</button>
        <button type="button" aria-label="Zoom in" disabled={level === ZOOMS.length - 1} onClick={() => setZoom(ZOOMS[level + 1] ?? 1)}>+</button>
      </div>
      <div class="scrubber">
        <span>Instant: <output>{words}</output></span>
        <input type="range" aria-label="Instant" min={0} max={stops.length - 1} step={1} value={nearest} aria-valuetext={words} onInput={(event) => jump(stops[Number(event.currentTarget.value)] ?? 0)} />
      </div>
      <Lanes timeline={timeline} label={`Timeline of the failing rehearsal: ${failure.headline}. The table below tells the cluster at the chosen instant.`} atUs={us} onPick={jump} marks={because.map((clause, i) => ({ atUs: clause.atUs, text: String(i + 1) }))} moments={inevitable?.moments ?? []} toScale={toScale} zoom={zoom} failing={failure.step} />
      <p class="note">{toScale ? 'Time is to scale.' : 'Time is not to scale: quiet stretches are squeezed.'} Numbers on top are those of the text above. Click or drag to move; arrow keys move from event to event.</p>
      {timeline.leftOut.length === 0 ? null : <p class="note left-out">Too much for one picture. Left out or drawn together with its neighbours: {timeline.leftOut.join(', ')}. The trace file has everything.</p>}
      <Legend timeline={timeline} failing={failure.step} />
      <Cluster timeline={timeline} us={us} about={failure.about} />
      {inevitable === null || inevitable.words === '' ? null : <p><strong>Since when it was inevitable.</strong> {inevitable.words}</p>}
      {twin === null ? null : (
        <section class="twin" aria-label="The nearest other rehearsal">
          <h4>{twin.passes ? 'Beside the nearest rehearsal that passes' : 'Beside the nearest rehearsal that does not fail this way'}</h4>
          <p>{twin.words}</p>
          <div class="pair">
            <figure><figcaption>As it went</figcaption><Lanes timeline={timeline} label="As it went" toScale={toScale} zoom={1} compact /></figure>
            <figure><figcaption>With that change</figcaption><Lanes timeline={twin.timeline} label="With that change" toScale={toScale} zoom={1} compact /></figure>
          </div>
          <div class="pair">
            {twin.parting.map((list, side) => <p class="note" key={side}>{side === 0 ? 'They part here. As it went: ' : 'With that change: '}{list.length === 0 ? 'nothing more happens.' : list.map(({ atUs, text }) => `${clock(atUs)} ${text}`).join('; ')}</p>)}
          </div>
        </section>
      )}
    </section>
  )
}

function capital(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}

function nearestStop(stops: readonly number[], us: number): number {
  const after = stops.findIndex((stop) => stop >= us)
  if (after < 0) return Math.max(0, stops.length - 1)
  return after > 0 && us - (stops[after - 1] as number) < (stops[after] as number) - us ? after - 1 : after
}

function Tree({ failure, jump }: { readonly failure: FailureView; readonly jump: (us: number) => void }): JSX.Element {
  const faults = failure.timeline?.faults ?? []
  const lines = failure.tree
  const under = (line: TreeLine, i: number): typeof faults => faults.filter((fault) => belongsTo(fault.fromUs, lines) === i && line !== undefined)
  return (
    <details class="tree" open>
      <summary>The runbook as it went</summary>
      <Scroll label="The runbook as it went" tall>
        <table class="stacks tree-table">
          <caption class="hidden">The runbook’s steps with the failing step and the faults</caption>
          <thead><tr><th scope="col" class="figure">at</th><th scope="col" class="left">step</th><th scope="col" class="left">what it does</th><th scope="col" class="figure">took</th><th scope="col" class="left">result</th></tr></thead>
          <tbody>
            {lines.map((line, i) => (
              <>
                <tr key={i} class={[line.failing ? 'bad' : '', line.container ? 'group' : '', line.startUs === null ? 'dim' : ''].join(' ')}>
                  <td class="figure">{line.startUs === null ? '' : <a href={linkTo(failure, line.startUs)} onClick={(event) => { event.preventDefault(); jump(line.startUs ?? 0) }}>{clock(line.startUs)}</a>}</td>
                  <th scope="row" style={{ paddingLeft: `${0.4 + line.depth * 1.2}em` }}>{line.failing ? <span class="mark fail" role="img" aria-label="fails here">✗</span> : null} {line.undo ? `undo of ${line.step.replace(/^undo of /, '')}` : line.number === line.step ? line.number : `${line.number} ${line.step}`}</th>
                  <td class="left" data-column="does">{line.title}</td>
                  <td class="figure" data-column="took">{line.tookUs > 0 ? lasting(line.tookUs) : ''}</td>
                  <td class="left" data-column="result">{resultWords(line)}</td>
                </tr>
                {line.remarks.map(({ words, unseen }, n) => <tr class={unseen ? 'remark unseen' : 'remark'} key={`${i}-said-${n}`}><td /><td /><td colSpan={3} class="left">{words}</td></tr>)}
                {under(line, i).map((fault, n) => <tr class="fault" key={`${i}-${n}`}><td class="figure">{clock(fault.fromUs)}</td><td colSpan={4} class="left"><span class="bolt-sign" role="img" aria-label="fault">⚡</span> {fault.words}</td></tr>)}
              </>
            ))}
          </tbody>
        </table>
      </Scroll>
      {failure.smallest === null ? null : <p class="note">{failure.needed.length > 0 ? '• marks ' : ''}{failure.needed.length > 0 ? failure.smallest : `${failure.smallest.slice(0, 1).toUpperCase()}${failure.smallest.slice(1)}`}</p>}
    </details>
  )
}

/** A fault stands under the last line whose step had begun. */
function belongsTo(us: number, lines: readonly TreeLine[]): number {
  let best = 0
  lines.forEach((line, i) => {
    if (line.startUs !== null && line.startUs <= us && line.startUs >= (lines[best]?.startUs ?? 0)) best = i
  })
  return best
}

function resultWords(line: TreeLine): JSX.Element {
  const parts = [
    line.failing ? 'it fails here' : '',
    line.result === 'failed' ? 'failed' : line.result === 'open' ? 'never ended' : line.result === 'skipped' ? 'skipped' : line.result === 'not reached' ? 'not reached' : '',
    line.visits > 1 ? `${line.visits} times` : '',
    line.downUs > 0 ? `writes down ${lasting(line.downUs)}` : '',
  ].filter((part) => part !== '')
  return <>{line.needed ? <span title="the failure needs this step">• </span> : ''}{parts.join(', ')}</>
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
