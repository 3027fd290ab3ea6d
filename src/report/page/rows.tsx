/** The rows of a timeline, each with its height and how it is drawn. */
import type { JSX } from 'preact'
import type { ClientLane, ClientSpan, MemberLane, MemberSpan, Span, StepSpan, Timeline } from '../view/data.ts'
import { clock, lasting } from './parts.tsx'

type X = (us: number) => number

export interface Row {
  readonly id: string
  readonly name: string
  /** A second line under the name: what would have no room in the row. */
  readonly note?: string
  readonly height: number
  draw(x: X, height: number, width: number): JSX.Element
}

type Moments = readonly { readonly atUs: number; readonly failed: number; readonly futures: number; readonly what: string }[]

/** Cohorts with a row of their own; of more, all share one that shows the worst. */
const CLIENT_ROWS_MAX = 3
/** A character of a label is about so wide. */
const CHARACTER_PX = 6.2

/** @param shown members with a row of their own; default: all */
export function rowsOf(timeline: Timeline, moments: Moments, compact: boolean, failing: string, shown?: readonly string[]): Row[] {
  const members = timeline.members.filter(({ member }) => shown?.includes(member) !== false)
  const rows: Row[] = [{ id: 'steps', name: 'steps', height: compact ? 20 : 26, draw: (x, height) => <Steps steps={timeline.steps} x={x} height={height} failing={failing} /> }]
  if (!compact && timeline.faults.some(({ struck }) => struck)) rows.push({ id: 'faults', name: 'faults', height: 22, draw: (x, _, width) => <Faults timeline={timeline} x={x} width={width} /> })
  rows.push(...clientRows(timeline.clients, compact))
  rows.push(...members.map((lane): Row => ({ id: `member-${lane.member}`, name: lane.member, height: compact ? 18 : 28, draw: (x, height) => <Member lane={lane} timeline={timeline} x={x} height={height} /> })))
  if (compact) return rows
  const greatest = Math.max(0, ...members.flatMap(({ lag }) => lag.map(([, value]) => value ?? 0)))
  if (greatest >= 0.05) rows.push({ id: 'lag', name: 'replication lag', note: `up to ${lasting(greatest * 1e6)}`, height: 44, draw: (x, height, width) => <Lag members={members} x={x} height={height} width={width} greatest={greatest} /> })
  if (timeline.quorum.length > 0) rows.push({ id: 'quorum', name: 'can acknowledge', height: 20, draw: (x, height) => <Quorum timeline={timeline} x={x} height={height} /> })
  const split = timeline.windows.filter(({ is }) => is === 'split')
  if (split.length > 0) rows.push({ id: 'split', name: 'two take writes', height: 20, draw: (x, height) => <Windows spans={split} x={x} height={height} kind="split" words="both" /> })
  const mixed = timeline.windows.filter(({ is }) => is === 'mixed')
  if (mixed.length > 0) rows.push({ id: 'mixed', name: 'versions mixed', height: 20, draw: (x, height) => <Bracket spans={mixed} x={x} height={height} /> })
  const skew = timeline.windows.filter(({ is }) => is === 'skew')
  if (skew.length > 0) rows.push({ id: 'skew', name: 'unsupported mix', height: 20, draw: (x, height) => <Windows spans={skew} x={x} height={height} kind="split" words="unsupported" /> })
  if (moments.length > 1) rows.push({ id: 'chance', name: 'chance to fail', note: `${moments.at(-1)?.failed ?? 0} of ${moments.at(-1)?.futures ?? 0} at the end`, height: 48, draw: (x, height, width) => <Chance moments={moments} x={x} height={height} width={width} /> })
  return rows
}

function clientRows(lanes: readonly ClientLane[], compact: boolean): Row[] {
  const shown = lanes.length > CLIENT_ROWS_MAX || compact ? (lanes.length === 0 ? [] : [{ client: lanes.length > 1 ? `clients, worst of ${lanes.length}` : (lanes[0] as ClientLane).client, spans: worstOf(lanes) }]) : lanes
  return shown.map(({ client, spans }) => ({ id: `client-${client}`, name: client, height: compact ? 16 : 20, draw: (x, height) => <Client spans={spans} x={x} height={height} /> }))
}

const ORDER: readonly ClientSpan['is'][] = ['error', 'unknown', 'slow', 'ok', 'idle']

/** At each instant what the worst off of all have. */
function worstOf(lanes: readonly ClientLane[]): readonly ClientSpan[] {
  const [only] = lanes
  if (lanes.length === 1 && only !== undefined) return only.spans
  const edges = [...new Set(lanes.flatMap(({ spans }) => spans.flatMap(({ fromUs, toUs }) => [fromUs, toUs])))].sort((a, b) => a - b)
  const merged: ClientSpan[] = []
  const places = lanes.map(() => 0)
  for (let i = 0; i + 1 < edges.length; i++) {
    const [fromUs, toUs] = [edges[i] as number, edges[i + 1] as number]
    const all = lanes.flatMap(({ spans }, lane) => {
      let at = places[lane] as number
      while (at < spans.length && (spans[at] as ClientSpan).toUs <= fromUs) at++
      places[lane] = at
      const span = spans[at]
      return span !== undefined && span.fromUs <= fromUs && toUs <= span.toUs ? [span] : []
    })
    const worst = all.sort((a, b) => ORDER.indexOf(a.is) - ORDER.indexOf(b.is))[0]
    if (worst === undefined) continue
    const last = merged.at(-1)
    if (last !== undefined && last.is === worst.is && last.toUs === fromUs) merged[merged.length - 1] = { ...last, toUs }
    else merged.push({ ...worst, fromUs, toUs })
  }
  return merged
}

function box(span: Span, x: X): { readonly x: number; readonly width: number } {
  const from = x(span.fromUs)
  return { x: from, width: Math.max(1.5, x(span.toUs) - from) }
}

function told(what: string, { fromUs, toUs }: Span): string {
  return `${what}, ${clock(fromUs)} to ${clock(toUs)} (${lasting(toUs - fromUs)})`
}

function Steps({ steps, x, height, failing }: { readonly steps: readonly StepSpan[]; readonly x: X; readonly height: number; readonly failing: string }): JSX.Element {
  const leaves = steps.filter(({ container, result }) => !container && result !== 'skipped')
  const isFailing = ({ step, undo }: StepSpan): boolean => (undo ? `undo of ${step.replace(/^undo of /, '')}` : step) === failing
  return (
    <>
      {leaves.map((step, i) => {
        const { x: from, width } = box(step, x)
        const text = `${step.undo ? 'u' : ''}${step.number || step.step}`
        return (
          <g key={i}>
            <rect class={`step ${step.erred ? 'failed' : step.result}${step.undo ? ' undo' : ''}${isFailing(step) ? ' fails' : ''}`} x={from} y={2} width={width} height={height - 5} />
            {text.length * CHARACTER_PX + (step.gate === null ? 2 : 13) < width ? <text class="on-step" x={from + (step.gate === null ? width : width - 10) / 2} y={height / 2 + 3} text-anchor="middle">{text}</text> : null}
            <title>{told(`${step.label}${step.visit > 1 ? ` (visit ${step.visit})` : ''}${step.erred ? ': an error, with exit status 0' : `: ${step.result}`}${step.gate === null ? '' : `; gate ${step.gate.passed ? 'passed' : 'did not pass'} after ${step.gate.polls} looks${step.gate.missing ? ', without data' : ''}${step.gate.honest === false ? ', against the truth' : ''}`}`, step)}</title>
          </g>
        )
      })}
      {leaves.map((step, i) => {
        const { x: from, width } = box(step, x)
        // On top of every step, inside its own: a neighbour would cover half of it.
        return step.gate === null ? null : <path key={i} class={`gate ${step.gate.passed ? 'passed' : 'failed'}${step.gate.honest === false || step.gate.missing ? ' lying' : ''}`} d={`M${Math.max(from + Math.min(4.5, width / 2), from + width - 4.5)} ${height - 11}l4 4l-4 4l-4 -4z`}><title>{`gate of ${step.label}: ${step.gate.passed ? 'passed' : 'did not pass'}`}</title></path>
      })}
    </>
  )
}

function Faults({ timeline, x, width }: { readonly timeline: Timeline; readonly x: X; readonly width: number }): JSX.Element {
  const struck = timeline.faults.filter((fault) => fault.struck)
  return (
    <>
      {struck.map((fault, i) => <g key={i}><path class="bolt" d={`M${x(fault.fromUs) + 1} 1l-5 9h4l-2 8l7 -11h-4l3 -6z`} /><title>{told(fault.words, fault)}</title></g>)}
      {faultNames(struck.map(({ kind, fromUs }) => ({ kind, at: x(fromUs) })), width).map(({ text, at, left }) => <text key={`${text} ${at}`} class="word" x={at} y={15} text-anchor={left ? 'start' : 'end'}>{text}</text>)}
    </>
  )
}

/** Names of faults that strike close together are one text, beside the last of them; where there is no room before the next, none. */
function faultNames(struck: readonly { readonly kind: string; readonly at: number }[], width: number): { readonly text: string; readonly at: number; readonly left: boolean }[] {
  const groups: { kinds: string[]; at: number }[] = []
  for (const { kind, at } of [...struck].sort((a, b) => a.at - b.at)) {
    const last = groups.at(-1)
    const reach = last === undefined ? 0 : last.at + 24 + last.kinds.join(', ').length * CHARACTER_PX
    if (last !== undefined && at < reach) {
      last.kinds.push(kind)
      last.at = at
    } else groups.push({ kinds: [kind], at })
  }
  return groups.flatMap(({ kinds, at }): { text: string; at: number; left: boolean }[] => {
    const counted = [...new Set(kinds)].map((kind) => `${kind}${kinds.filter((each) => each === kind).length > 1 ? ` ×${kinds.filter((each) => each === kind).length}` : ''}`)
    const text = counted.join(', ')
    const room = text.length * CHARACTER_PX
    if (at + 9 + room <= width) return [{ text, at: at + 9, left: true }]
    return at - 9 - room >= 0 && groups.length === 1 ? [{ text, at: at - 9, left: false }] : []
  })
}

const CLIENT_FILLS: Readonly<Record<string, string>> = { error: 'url(#error)', unknown: 'url(#unknown)' }
const CLIENT_WORDS: Readonly<Record<string, string>> = { ok: 'served', slow: 'waiting', error: 'errors', unknown: 'no answer', idle: '' }

function Client({ spans, x, height }: { readonly spans: readonly ClientSpan[]; readonly x: X; readonly height: number }): JSX.Element {
  return (
    <>
      {spans.filter(({ is }) => is !== 'idle').map((span, i) => {
        const { x: from, width } = box(span, x)
        const fill = CLIENT_FILLS[span.is]
        const words = CLIENT_WORDS[span.is] ?? ''
        return (
          <g key={i}>
            <rect class={`client ${span.is}`} x={from} y={3} width={width} height={height - 7} {...(fill === undefined ? {} : { fill })} />
            {words.length * CHARACTER_PX + 10 < width ? <g class="plate"><rect x={from + width / 2 - (words.length * CHARACTER_PX) / 2 - 3} y={4} width={words.length * CHARACTER_PX + 6} height={height - 9} /><text x={from + width / 2} y={height / 2 + 3} text-anchor="middle">{words}</text></g> : null}
            <title>{told(`clients: ${words || span.label}`, span)}</title>
          </g>
        )
      })}
    </>
  )
}

const SHARES: Readonly<Record<MemberSpan['state'], number>> = { leader: 1, follower: 0.5, none: 0.16, down: 1 }

function Member({ lane, timeline, x, height }: { readonly lane: MemberLane; readonly timeline: Timeline; readonly x: X; readonly height: number }): JSX.Element {
  const full = height - 5
  return (
    <>
      {lane.spans.map((span, i) => {
        const { x: from, width } = box(span, x)
        const tall = full * SHARES[span.state]
        const version = Math.max(0, timeline.versions.indexOf(span.version)) % 5
        return (
          <g key={i}>
            {span.state === 'down' ? <rect x={from} y={2} width={width} height={full} fill="url(#down)" /> : <rect class={`version v${version} ${span.state}`} x={from} y={2 + full - tall} width={width} height={tall} />}
            {span.state === 'leader' && width > 46 ? <text class={`on-member on-v${version}`} x={from + 5} y={height / 2 + 4}>leads</text> : null}
            <title>{told(`${lane.member} ${span.state === 'leader' ? 'leads' : span.state === 'follower' ? 'follows' : span.state === 'down' ? 'is down' : 'is up'}${span.version === '' ? '' : `, ${timeline.component} ${span.version}`}${span.timeline === null || timeline.line === '' ? '' : `, ${timeline.line} ${span.timeline}`}`, span)}</title>
          </g>
        )
      })}
    </>
  )
}

/** The top of the row is the greatest lag of all, which stands under the row's name. */
function Lag({ members, x, height, width, greatest }: { readonly members: readonly MemberLane[]; readonly x: X; readonly height: number; readonly width: number; readonly greatest: number }): JSX.Element {
  const furthest = members.find(({ lag }) => lag.some(([, value]) => value === greatest))?.member ?? ''
  const y = (seconds: number): number => Math.round((height - 4 - (seconds / greatest) * (height - 8)) * 10) / 10
  return (
    <>
      <rect class="unseen" x={0} y={0} width={width} height={height}><title>{furthest} was the furthest behind: {lasting(greatest * 1e6)}</title></rect>
      {members.filter(({ lag }) => lag.some(([, value]) => (value ?? 0) >= 0.05)).map(({ member, lag }, i) => {
        let pen = false
        const path = lag.map(([atUs, value]) => {
          const command = value === null ? '' : `${pen ? 'L' : 'M'}${x(atUs)} ${y(value)}`
          pen = value !== null
          return command
        })
        return <path key={member} class={`lag l${i % 5}`} d={path.join('')}><title>{member}</title></path>
      })}
    </>
  )
}

function Quorum({ timeline, x, height }: { readonly timeline: Timeline; readonly x: X; readonly height: number }): JSX.Element {
  return (
    <>
      {timeline.quorum.map(({ atUs, count, members }, i) => {
        const span = { fromUs: atUs, toUs: timeline.quorum[i + 1]?.atUs ?? timeline.endUs }
        const { x: from, width } = box(span, x)
        if (span.toUs <= span.fromUs) return null
        return <g key={i}><rect class={`quorum q${Math.min(2, count)}`} x={from} y={3} width={width} height={height - 7} />{width > 12 ? <text class="on-member on-quorum" x={from + 4} y={height / 2 + 4}>{count}</text> : null}<title>{told(count === 0 ? 'nobody could acknowledge a write' : `could acknowledge: ${members.length === 0 ? `${count} members` : members.join(', ')}`, span)}</title></g>
      })}
    </>
  )
}

function Windows({ spans, x, height, kind, words }: { readonly spans: Timeline['windows']; readonly x: X; readonly height: number; readonly kind: string; readonly words: string }): JSX.Element {
  return <>{spans.map((span, i) => <rect key={i} class={`window ${kind}`} {...box(span, x)} y={3} height={height - 7}><title>{told(`${words}: ${span.who}`, span)}</title></rect>)}</>
}

function Bracket({ spans, x, height }: { readonly spans: Timeline['windows']; readonly x: X; readonly height: number }): JSX.Element {
  return (
    <>
      {spans.map((span, i) => {
        const [from, to] = [x(span.fromUs), x(span.toUs)]
        const middle = height / 2
        return <g key={i}><path class="bracket" d={`M${from} ${middle + 6}V${middle}H${to}V${middle + 6}`} /><rect class="unseen" x={from} y={0} width={Math.max(2, to - from)} height={height} /><title>{told(`versions of ${span.who} mixed`, span)}</title></g>
      })}
    </>
  )
}

function Chance({ moments, x, height, width }: { readonly moments: Moments; readonly x: X; readonly height: number; readonly width: number }): JSX.Element {
  const y = (share: number): number => height - 6 - share * (height - 14)
  const path = moments.map(({ atUs, failed, futures }, i) => {
    const [at, to] = [x(atUs), y(failed / futures)]
    return i === 0 ? `M${at} ${to}` : `H${at}V${to}`
  })
  return (
    <>
      <path class="chance-ground" d={`${path.join('')}H${width - 1}V${height - 6}H${x(moments[0]?.atUs ?? 0)}Z`} />
      <path class="chance" d={`${path.join('')}H${width - 1}`} />
      {moments.map(({ atUs, failed, futures, what }, i) => <circle key={i} class="chance-dot" cx={x(atUs)} cy={y(failed / futures)} r={3}><title>{`${clock(atUs)} ${what}: ${failed} of ${futures} futures fail`}</title></circle>)}
    </>
  )
}
