/** The timeline: everything that happened in one rehearsal on one axis of time. */
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { axisOf, ticksOf, type Axis } from '../view/axis.ts'
import type { Timeline } from '../view/data.ts'
import { clock, lasting } from './parts.tsx'
import { type Row, rowsOf } from './rows.tsx'

export interface LanesProps {
  readonly timeline: Timeline
  readonly label: string
  /** Where the scrubber stands. */
  readonly atUs?: number
  readonly onPick?: (us: number) => void
  /** Clauses of the because-chain, numbered on top. */
  readonly marks?: readonly { readonly atUs: number; readonly text: string }[]
  readonly moments?: readonly { readonly atUs: number; readonly failed: number; readonly futures: number; readonly what: string }[]
  readonly toScale: boolean
  readonly zoom: number
  /** Only members, clients and steps: for setting two rehearsals beside one another. */
  readonly compact?: boolean
  /** The step that the failure hangs on. */
  readonly failing?: string
  /** Members with a lane; default: all. */
  readonly shown?: readonly string[]
}

/** Room for the words of an instant, and the least distance of two. */
const CHARACTER_PX = 5.9
const TICK_PX = 64
/** For the words of the point of no return, below every row: in a row they would cover what it shows. */
const FOOT = 15
/** What a sheet of A4 has from top to bottom, less what stands beside it: taller ones are drawn smaller, for one sheet. */
const PAPER_HEIGHT_PX = 900
/** What is left for the track on A4 beside the names, so that what is printed is drawn for paper and not cut off by it. */
const PAPER_PX = 500
const TOP = 34

export function Lanes({ timeline, label, atUs, onPick, marks = [], moments = [], toScale, zoom, compact = false, failing = '', shown }: LanesProps): JSX.Element {
  const scroll = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(860)
  useEffect(() => {
    const element = scroll.current
    if (element === null) return
    const measure = (): void => setRoom(Math.max(220, element.clientWidth))
    const observer = new ResizeObserver(measure)
    const onPaper = (): void => setRoom(compact ? PAPER_PX + 40 : PAPER_PX)
    measure()
    observer.observe(element)
    addEventListener('beforeprint', onPaper)
    addEventListener('afterprint', measure)
    return () => {
      observer.disconnect()
      removeEventListener('beforeprint', onPaper)
      removeEventListener('afterprint', measure)
    }
  }, [])
  const axis = useMemo(() => axisOf(timeline, marks, toScale), [timeline, marks, toScale])
  const width = Math.round(room * zoom)
  const x = (us: number): number => Math.round(axis.at(us) * (width - 2) * 10) / 10 + 1
  const rows = useMemo(() => rowsOf(timeline, moments, compact, failing, shown), [timeline, compact, shown?.length])
  const top = compact ? 18 : TOP
  const height = top + rows.reduce((sum, row) => sum + row.height, 0) + (timeline.noReturnUs === null || compact ? 4 : FOOT)
  const body = useMemo(() => <Body timeline={timeline} rows={rows} x={x} width={width} height={height} top={top} axis={axis} marks={marks} compact={compact} toScale={toScale} />, [timeline, rows, width, axis])
  const pick = (event: PointerEvent): void => {
    if (onPick === undefined || (event.type === 'pointermove' && event.buttons !== 1)) return
    const box = (event.currentTarget as Element).getBoundingClientRect()
    onPick(Math.round(axis.instant((event.clientX - box.left - 1) / (box.width - 2))))
  }
  const cursor = atUs === undefined ? undefined : x(atUs)
  useEffect(() => {
    const element = scroll.current
    if (element === null || cursor === undefined || zoom === 1) return
    if (cursor < element.scrollLeft + 20 || cursor > element.scrollLeft + element.clientWidth - 20) element.scrollLeft = cursor - element.clientWidth / 2
  }, [cursor, zoom])
  return (
    <div class={`lanes${compact ? ' compact' : ''}`} style={height > PAPER_HEIGHT_PX ? { '--paper-zoom': (PAPER_HEIGHT_PX / height).toFixed(3) } : {}}>
      <div class="names" aria-hidden="true">
        <div class="axis-words" style={{ height: `${top}px`, lineHeight: `${top}px` }}>{toScale ? 'time' : 'time, not to scale'}</div>
        {rows.map((row) => <div key={row.id} class={row.id.startsWith('member-') ? 'member' : ''} style={{ height: `${row.height}px`, lineHeight: `${row.note === undefined ? row.height : Math.floor(row.height / 2) - 2}px` }} title={row.note === undefined ? row.name : `${row.name}, ${row.note}`}><bdi>{row.name}</bdi>{row.note === undefined ? null : <span class="row-note">{row.note}</span>}</div>)}
      </div>
      <div class="track" ref={scroll} tabIndex={zoom > 1 ? 0 : -1} role="group" aria-label={label}>
        <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label} onPointerDown={pick} onPointerMove={pick} onMouseDown={onPick === undefined ? undefined : keepFocus}>
          {body}
          {cursor === undefined ? null : <g class="cursor"><line x1={cursor} x2={cursor} y1={top - 6} y2={height} /><path d={`M${cursor - 5} ${top - 6}h10l-5 7z`} /></g>}
        </svg>
      </div>
    </div>
  )
}

/** A click would take the focus away from what was just given it. */
function keepFocus(event: MouseEvent): void {
  event.preventDefault()
}

interface BodyProps {
  readonly timeline: Timeline
  readonly rows: readonly Row[]
  readonly x: (us: number) => number
  readonly width: number
  readonly height: number
  readonly top: number
  readonly axis: Axis
  readonly marks: NonNullable<LanesProps['marks']>
  readonly compact: boolean
  readonly toScale: boolean
}

/** What does not change while the scrubber moves. */
function Body({ timeline, rows, x, width, height, top, axis, marks, compact, toScale }: BodyProps): JSX.Element {
  const tickPx = Math.max(TICK_PX, clock(timeline.endUs).length * CHARACTER_PX + 12)
  const ticks = ticksOf(timeline, axis, toScale, tickPx / width)
  let y = top
  return (
    <>
      <Patterns />
      {ticks.map((us, i) => {
        const at = x(us)
        return (
          <g key={i} class="tick">
            <line x1={at} x2={at} y1={top - 4} y2={height} />
            <text x={at} y={top - 7} text-anchor={at < tickPx / 2 ? 'start' : at > width - tickPx / 2 ? 'end' : 'middle'}>{clock(us)}</text>
          </g>
        )
      })}
      {timeline.faults.filter(({ struck }) => struck).map((fault, i) => <rect key={i} class="fault-band" x={x(fault.fromUs)} y={top} width={Math.max(2, x(fault.toUs) - x(fault.fromUs))} height={height - top}><title>{fault.words}</title></rect>)}
      {rows.map((row) => {
        const at = y
        y += row.height
        return <g key={row.id} transform={`translate(0 ${at})`}><line class="row" x1={0} x2={width} y1={row.height - 0.5} y2={row.height - 0.5} />{row.draw(x, row.height, width)}</g>
      })}
      <Edge x={x(timeline.operatorEndUs)} top={top} height={height} kind="end" words={compact ? '' : 'the runbook ends'} width={width} />
      {timeline.noReturnUs === null ? null : <Edge x={x(timeline.noReturnUs)} top={top} height={height} kind="no-return" words={compact ? '' : 'declared point of no return'} width={width} />}
      {together(marks, x, width).map(({ at, texts }) => <g key={texts[0]} class="clause"><rect x={at - texts.join(' ').length * 3.2 - 4.5} y={1} width={texts.join(' ').length * 6.4 + 9} height={14} rx={7} /><text x={at} y={11.5} text-anchor="middle">{texts.join(' ')}</text></g>)}
    </>
  )
}

/** Marks that would cover one another are one. */
function together(marks: BodyProps['marks'], x: BodyProps['x'], width: number): { readonly at: number; readonly texts: string[] }[] {
  const groups: { at: number; texts: string[] }[] = []
  for (const { atUs, text } of [...marks].sort((a, b) => a.atUs - b.atUs || a.text.localeCompare(b.text))) {
    const last = groups.at(-1)
    const at = Math.min(width - 10, Math.max(9, x(Math.max(0, atUs))))
    if (last !== undefined && at - last.at < 10 + last.texts.length * 8) last.texts.push(text)
    else groups.push({ at, texts: [text] })
  }
  return groups.map(({ at, texts }) => {
    const half = texts.join(' ').length * 3.2 + 5
    return { at: Math.max(half, Math.min(width - half, at)), texts: texts.sort() }
  })
}

function Edge({ x, top, height, kind, words, width }: { readonly x: number; readonly top: number; readonly height: number; readonly kind: string; readonly words: string; readonly width: number }): JSX.Element {
  const left = x < width - 170
  // Behind the end of the runbook its row is empty.
  const y = kind === 'end' ? top + 16 : height - 4
  return <g class={`edge ${kind}`}><line x1={x} x2={x} y1={top - 2} y2={height} />{words === '' || (kind === 'end' && x > width - 100) ? null : <text x={left || kind === 'end' ? x + 4 : x - 4} y={y} text-anchor={left || kind === 'end' ? 'start' : 'end'}>{words}</text>}</g>
}

/** Hatchings: what is down or in error is told by lines, not by colour alone. */
function Patterns(): JSX.Element {
  return (
    <defs>
      <pattern id="down" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" class="down-ground" /><line x1="0" y1="0" x2="0" y2="6" class="down-line" /></pattern>
      <pattern id="error" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="5" height="5" class="error-ground" /><line x1="0" y1="0" x2="0" y2="5" class="error-line" /></pattern>
      <pattern id="unknown" width="5" height="5" patternUnits="userSpaceOnUse"><rect width="5" height="5" class="unknown-ground" /><circle cx="2.5" cy="2.5" r="1.1" class="unknown-dot" /></pattern>
    </defs>
  )
}

/** Members whose lag is drawn, in the order of their colours; of a fleet too many to be named. */
function lagged(timeline: Timeline, shown: readonly string[]): string[] {
  const those = lagging(timeline, shown)
  return those.length > LAGS_NAMED ? [] : those
}

const LAGS_NAMED = 5

function lagging({ members }: Timeline, shown: readonly string[]): string[] {
  return members.filter(({ lag, member }) => shown.includes(member) && lag.some(([, value]) => (value ?? 0) >= 0.05)).map(({ member }) => member)
}

/** What signs and colours mean. */
export function Legend({ timeline, failing, shown }: { readonly timeline: Timeline; readonly failing: string; readonly shown: readonly string[] }): JSX.Element {
  const sample = (draw: JSX.Element): JSX.Element => <svg width="26" height="16" aria-hidden="true"><Patterns />{draw}</svg>
  const steps = timeline.steps.filter(({ container, result }) => !container && result !== 'skipped')
  const gates = steps.flatMap(({ gate }) => gate ?? [])
  const blind = ({ honest, missing }: (typeof gates)[number]): boolean => honest === false || missing
  const step = (words: string, className: string, is: (step: (typeof steps)[number]) => boolean): JSX.Element | null => (steps.some(is) ? <li>{sample(<rect class={`step ${className}`} x="1" y="2" width="24" height="12" />)} {words}</li> : null)
  const gate = (words: string, className: string, is: (gate: (typeof gates)[number]) => boolean): JSX.Element | null => (gates.some(is) ? <li>{sample(<path class={`gate ${className}`} d="M13 3l5 5l-5 5l-5 -5z" />)} {words}</li> : null)
  return (
    <ul class="legend" aria-label="Legend">
      {step('step', 'done', ({ result, undo, erred }) => result === 'done' && !undo && !erred)}
      {step('step with an error, or that did not end by itself', 'failed', ({ result, undo, erred }) => !undo && (result === 'failed' || result === 'open' || erred))}
      {step('undone step', 'undo', ({ undo }) => undo)}
      {failing === '' ? null : <li>{sample(<rect class="step done fails" x="2" y="3" width="22" height="10" />)} where it fails</li>}
      {gate('gate that said yes', 'passed', (each) => each.passed && !blind(each))}
      {gate('gate that said no', 'failed', (each) => !each.passed && !blind(each))}
      {gate('gate without data, or against the truth', 'lying', blind)}
      {timeline.versions.map((version, i) => <li key={version}>{sample(<rect class={`version v${i % 5}`} x="1" y="1" width="24" height="14" />)} {timeline.component || 'version'} {version}</li>)}
      <li>{sample(<rect class="version v0" x="1" y="1" width="24" height="14" />)} tall: leads</li>
      <li>{sample(<rect class="version v0" x="1" y="7" width="24" height="8" />)} half: follows</li>
      <li>{sample(<rect class="version v0" x="1" y="12" width="24" height="3" />)} thin: neither</li>
      <li>{sample(<rect x="1" y="1" width="24" height="14" fill="url(#down)" />)} hatched: down</li>
      {lagging(timeline, shown).length <= LAGS_NAMED ? null : <li>{sample(<path class="lag l0" d="M1 12L25 4" />)} lag of a member (its name when pointed at)</li>}
      {lagged(timeline, shown).length < 2 ? null : lagged(timeline, shown).map((member, i) => <li key={member}>{sample(<path class={`lag l${i % 5}`} d="M1 12L25 4" />)} lag of {member}</li>)}
      <li>{sample(<rect class="client ok" x="1" y="3" width="24" height="10" />)} clients served</li>
      <li>{sample(<rect class="client slow" x="1" y="3" width="24" height="10" />)} clients wait</li>
      <li>{sample(<rect x="1" y="3" width="24" height="10" fill="url(#error)" />)} clients get errors</li>
      <li>{sample(<rect x="1" y="3" width="24" height="10" fill="url(#unknown)" />)} clients get no answer</li>
    </ul>
  )
}

export function spanTitle(what: string, { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number }): string {
  return `${what}, ${clock(fromUs)} to ${clock(toUs)} (${lasting(toUs - fromUs)})`
}
