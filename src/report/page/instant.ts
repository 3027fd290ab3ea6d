/** What is so at an instant of a timeline. */
import type { ClientLane, MemberLane, MemberSpan, Span, StepSpan, Timeline } from '../view/data.ts'

/** The span at the instant; at a border the later one. */
export function spanAt<S extends Span>(spans: readonly S[], us: number): S | undefined {
  return spans.findLast((span) => span.fromUs <= us && us <= span.toUs)
}

const STATES: Readonly<Record<MemberSpan['state'], string>> = { leader: 'leads', follower: 'follows', none: 'is up, neither leads nor follows', down: 'is down' }

/** @param line what a line of history is called; empty where it need not be told @param component what the version is of */
export function stateWords(lane: MemberLane, us: number, line: string, component: string): string {
  const span = spanAt(lane.spans, us)
  if (span === undefined) return 'is not there'
  const lag = span.state === 'follower' ? lagAt(lane, us) : undefined
  return [STATES[span.state], [component, span.version].filter((part) => span.version !== '' && part !== '').join(' '), line !== '' && span.timeline !== null && span.state !== 'down' ? `${line} ${span.timeline}` : '', lag === undefined || lag < 0.05 ? '' : `${lag.toFixed(1)} s behind`].filter((part) => part !== '').join(', ')
}

/** Seconds behind; between two samples on the line between them. */
export function lagAt({ lag }: MemberLane, us: number): number | undefined {
  const i = lag.findLastIndex(([atUs]) => atUs <= us)
  const [before, after] = [lag[i], lag[i + 1]]
  if (before === undefined || before[1] === null) return undefined
  if (after === undefined || after[1] === null || after[0] === before[0]) return before[1]
  return before[1] + ((us - before[0]) / (after[0] - before[0])) * (after[1] - before[1])
}

const CLIENTS: Readonly<Record<string, string>> = {
  ok: 'is served', slow: 'waits, no error', error: 'gets errors', unknown: 'gets no answer', idle: 'does nothing',
}

export function clientWords(lane: ClientLane, us: number): string {
  const span = spanAt(lane.spans, us)
  return span === undefined ? '' : (CLIENTS[span.is] ?? span.label)
}

export function acknowledgersAt({ quorum }: Timeline, us: number): { readonly count: number; readonly members: readonly string[] } {
  return quorum.findLast(({ atUs }) => atUs <= us) ?? { count: 0, members: [] }
}

/** The innermost step under way; between steps the last one that began. */
export function stepAt({ steps }: Timeline, us: number): StepSpan | undefined {
  const begun = steps.filter(({ container, result, fromUs }) => !container && result !== 'skipped' && fromUs <= us)
  return begun.findLast(({ toUs }) => us <= toUs) ?? begun.at(-1)
}

/** The place of the stop that is next to an instant. */
export function nearestStop(stops: readonly number[], us: number): number {
  const after = stops.findIndex((stop) => stop >= us)
  if (after < 0) return Math.max(0, stops.length - 1)
  return after > 0 && us - (stops[after - 1] as number) < (stops[after] as number) - us ? after - 1 : after
}

/** Every instant at which anything changes, in order: the stops of the scrubber. */
export function stopsOf(timeline: Timeline, more: readonly number[]): number[] {
  const ends = (spans: readonly Span[]): number[] => spans.flatMap(({ fromUs, toUs }) => [fromUs, toUs])
  const all = [0, timeline.operatorEndUs, timeline.endUs, ...more, ...ends(timeline.steps), ...ends(timeline.faults), ...timeline.members.flatMap(({ spans }) => ends(spans)), ...ends(timeline.windows), ...timeline.quorum.map(({ atUs }) => atUs), ...timeline.clients.flatMap(({ spans }) => ends(spans))]
  return [...new Set(all.filter((us) => us >= 0 && us <= timeline.endUs))].sort((a, b) => a - b)
}
