/** A rehearsal at every instant: timeline, scrubber, cluster, and beside it the nearest one in which nothing fails. */
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { axisOf } from '../view/axis.ts'
import type { FailureView, SampleView } from '../view/page.ts'
import { Cluster } from './cluster.tsx'
import type { Timeline } from '../view/data.ts'
import { nearestStop, spanAt, stepAt, stopsOf } from './instant.ts'
import { Lanes, Legend } from './lanes.tsx'
import { clock, Words } from './parts.tsx'

const ZOOMS = [1, 2, 4, 8, 16]
/** The scrubber has no stops of its own, or a native one would leave the cursor: it stands where the cursor stands. */
const SCRUBBER_MAX = 10_000

/** What can be looked at: a failure, or a rehearsal in which nothing failed. */
export type Viewed = FailureView | SampleView

/** A link to one instant. */
export function linkTo({ id }: Pick<FailureView, 'id'>, us?: number): string {
  return `#${id}${us === undefined ? '' : `@${(Math.max(0, us) / 1e6).toFixed(3)}`}`
}

/** Where the timeline of a failure stands on the page. */
export function viewerId({ id }: Pick<FailureView, 'id'>): string {
  return `${id}-viewer`
}

/** Brings the timeline into sight, unless all of its lanes are: what was clicked far from it must be seen to do something. */
export function showViewer(viewed: Pick<FailureView, 'id'>): void {
  const viewer = document.getElementById(viewerId(viewed))
  const lanes = viewer?.querySelector('.lanes')?.getBoundingClientRect()
  if (viewer !== null && (lanes === undefined || lanes.top < 0 || lanes.bottom > innerHeight)) viewer.scrollIntoView()
}

export function Viewer({ viewed, us, jump }: { readonly viewed: Viewed; readonly us: number; readonly jump: (us: number) => void }): JSX.Element | null {
  const { timeline, because, inevitable, twin, first, about } = viewed
  const [toScale, setToScale] = useState(false)
  const [zoom, setZoom] = useState(1)
  const [all, setAll] = useState(false)
  const marks = useMemo(() => because.map((clause, i) => ({ atUs: clause.atUs, text: String(i + 1) })), [because])
  const stops = useMemo(() => (timeline === null ? [] : stopsOf(timeline, [...because.map(({ atUs }) => atUs), ...(first === null ? [] : [first.atUs])])), [timeline])
  const axis = useMemo(() => (timeline === null ? undefined : axisOf(timeline, marks, toScale)), [timeline, marks, toScale])
  if (timeline === null || axis === undefined) return null
  const here = stepAt(timeline, us)
  const leaves = timeline.steps.filter(({ container, result }) => !container && result !== 'skipped')
  const previous = leaves.findLast(({ fromUs }) => fromUs < us)
  const next = leaves.find(({ fromUs }) => fromUs > us)
  const words = `${clock(us)}${here === undefined ? '' : `, ${us > here.toUs ? 'after' : 'in'} step ${here.label}`}`
  const level = ZOOMS.indexOf(zoom)
  const scrubberId = `${viewerId(viewed)}-scrubber`
  const move = (by: number): void => jump((by > 0 ? stops.find((stop) => stop > us) : stops.findLast((stop) => stop < us)) ?? us)
  const onKey = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowLeft' || event.key === 'ArrowDown' ? -1 : event.key === 'ArrowRight' || event.key === 'ArrowUp' ? 1 : 0
    if (by === 0) return
    event.preventDefault()
    move(by)
  }
  const pick = (to: number): void => {
    jump(to)
    // From here on arrow keys move it, as they do after a click on the scrubber.
    document.getElementById(scrubberId)?.focus({ preventScroll: true })
  }
  const shown = shownMembers(timeline.members.map(({ member }) => member), about, all)
  const lanes = { timeline, toScale, shown }
  return (
    <section class="viewer" id={viewerId(viewed)} aria-label="The rehearsal on its time axis">
      <div class="tools">
        {first === null ? null : <button type="button" class="primary" onClick={() => jump(first.atUs)}>{viewed.because.length === 0 ? 'Jump to that instant' : 'Jump to where it goes wrong'} <span class="note">{clock(first.atUs)} {first.what}</span></button>}
        <button type="button" disabled={previous === undefined} onClick={() => previous && jump(previous.fromUs)}>◀ step</button>
        <button type="button" disabled={next === undefined} onClick={() => next && jump(next.fromUs)}>step ▶</button>
        <span class="spacer" />
        {timeline.members.length > shown.length || all ? <button type="button" aria-pressed={all} onClick={() => setAll(!all)}>All {timeline.members.length} members</button> : null}
        <button type="button" aria-pressed={toScale} onClick={() => setToScale(!toScale)}>Time to scale</button>
        <button type="button" aria-label="Zoom out" disabled={level === 0} onClick={() => setZoom(ZOOMS[level - 1] ?? 1)}>−</button>
        <button type="button" aria-label="Zoom in" disabled={level === ZOOMS.length - 1} onClick={() => setZoom(ZOOMS[level + 1] ?? 1)}>+</button>
      </div>
      <div class="scrubber">
        <span class="instant">Instant: <output>{words}</output></span>
        <span class="rail"><input id={scrubberId} type="range" aria-label="Instant" min={0} max={SCRUBBER_MAX} step={1} value={Math.round(axis.at(us) * SCRUBBER_MAX)} aria-valuetext={words} onKeyDown={onKey} onInput={(event) => jump(stops[nearestStop(stops, axis.instant(Number(event.currentTarget.value) / SCRUBBER_MAX))] ?? 0)} /></span>
      </div>
      <Lanes {...lanes} label={`Timeline of the rehearsal: ${viewed.headline}. The table below tells the cluster at the chosen instant.`} atUs={us} onPick={pick} marks={marks} moments={inevitable?.moments ?? []} zoom={zoom} failing={viewed.step} />
      <p class="note">{toScale ? 'Time is to scale.' : 'Time is not to scale: quiet stretches are squeezed.'}{marks.length === 0 ? '' : ' Numbers on top are those of the text above.'} Click or drag to move; arrow keys move from event to event.{shown.length < timeline.members.length ? ` ${timeline.members.length - shown.length} of ${timeline.members.length} members ${about.length > 0 ? 'that it is not about' : ''} are folded away.` : ''}</p>
      {timeline.leftOut.length === 0 ? null : <p class="note left-out">Too much for one picture. Left out or drawn together with its neighbours: {timeline.leftOut.join(', ')}. The trace file has everything.</p>}
      <Legend timeline={timeline} failing={viewed.step} shown={shown} />
      <Cluster timeline={timeline} us={us} about={about} />
      {inevitable === null || inevitable.words === '' ? null : <p><strong>Since when it was inevitable.</strong> {inevitable.words}</p>}
      {twin === null ? null : <Twin twin={twin} lanes={lanes} about={about} us={us} pick={pick} />}
    </section>
  )
}

function Twin({ twin, lanes, about, us, pick }: { readonly twin: NonNullable<FailureView['twin']>; readonly lanes: Pick<Parameters<typeof Lanes>[0], 'timeline' | 'toScale' | 'shown'>; readonly about: readonly string[]; readonly us: number; readonly pick: (us: number) => void }): JSX.Element {
  const other = shownMembers(twin.timeline.members.map(({ member }) => member), about, false)
  const side = (side: 0 | 1): JSX.Element => <p class="note">They part here: {twin.parting[side].length === 0 ? 'nothing more happens.' : twin.parting[side].map(({ atUs, text }) => `${clock(atUs)} ${text}`).join('; ')}</p>
  const pair = (
    <>
      <p><Words text={twin.words} /></p>
      <div class="pair">
        <figure><figcaption>As it went</figcaption><Lanes {...lanes} label="As it went" zoom={1} atUs={us} onPick={pick} compact /><Now timeline={lanes.timeline} us={us} />{side(0)}</figure>
        <figure><figcaption>With that change</figcaption><Lanes timeline={twin.timeline} toScale={lanes.toScale} shown={other} label="With that change" zoom={1} atUs={Math.min(us, twin.timeline.endUs)} onPick={pick} compact /><Now timeline={twin.timeline} us={us} />{side(1)}</figure>
      </div>
    </>
  )
  return twin.ofRunbook ? <section class="twin" aria-label="The nearest rehearsal in which nothing fails"><h4>Beside the nearest rehearsal in which nothing fails</h4>{pair}</section> : <details class="twin"><summary>What the fault has to do with it</summary>{pair}</details>
}

/** What is so in one of two rehearsals at the instant that is looked at in both. */
function Now({ timeline, us }: { readonly timeline: Timeline; readonly us: number }): JSX.Element {
  if (us > timeline.endUs) return <p class="note now-words">{clock(us)}: it has ended.</p>
  const step = stepAt(timeline, us)
  const leads = timeline.members.filter(({ spans }) => spanAt(spans, us)?.state === 'leader').map(({ member }) => member)
  return <p class="note now-words">{clock(us)}{step === undefined ? '' : `, ${us > step.toUs ? 'after' : 'in'} step ${step.label}`}: {leads.length === 0 ? 'nobody leads' : leads.length > LEADERS_NAMED ? `${leads.length} members lead` : `${leads.join(', ')} ${leads.length === 1 ? 'leads' : 'lead'}`}.</p>
}

const LEADERS_NAMED = 4

/** Lanes of members up to so many are all drawn. */
const LANES_MAX = 12
/** Of a fleet in which nothing is to be looked at in particular. */
const LANES_OF_MANY = 8

/** Of a fleet those that it is about; asked for, all. */
function shownMembers(members: readonly string[], about: readonly string[], all: boolean): readonly string[] {
  if (all || members.length <= LANES_MAX) return members
  const named = members.filter((member) => about.includes(member))
  return named.length > 0 ? named.slice(0, LANES_MAX) : members.slice(0, LANES_OF_MANY)
}
