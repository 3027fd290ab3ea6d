/** The cluster before a step, at the chosen instant, and after the step; and what the operator typed in it. */
import type { JSX } from 'preact'
import type { Timeline } from '../view/data.ts'
import { acknowledgersAt, clientWords, stateWords, stepAt } from './instant.ts'
import { clock, lasting, Scroll } from './parts.tsx'

/** Groups of clients in the table. */
const CLIENTS_SHOWN = 4
/** Members in the table; of more, only those that change here. */
const MEMBERS_SHOWN = 12
/** Members that are named where many could acknowledge. */
const NAMES_SHOWN = 4
/** So many characters fit beside one another on the widest page; a table that has no more is not broken, so that instants can be compared. */
const TABLE_WHOLE = 150
/** A cell that changed is bold, which is wider. */
const BOLD = 1.12
/** Commands shown of one step. */
const COMMANDS_SHOWN = 6

/** @param about members that are always shown, because the failure is about them */
export function Cluster({ timeline, us, about }: { readonly timeline: Timeline; readonly us: number; readonly about: readonly string[] }): JSX.Element {
  const step = stepAt(timeline, us)
  const columns = columnsOf(timeline, step, us)
  const instants = columns.map(({ atUs }) => atUs)
  const now = columns.findIndex(({ is }) => is === 'now')
  const line = new Set(timeline.members.flatMap(({ spans }) => spans.map((span) => span.timeline))).size > 1 ? timeline.line : ''
  const members = timeline.members.map((lane) => ({ name: lane.member, cells: instants.map((at) => stateWords(lane, at, line, timeline.component)) }))
  const named = members.filter(({ name }) => about.includes(name)).slice(0, MEMBERS_SHOWN)
  const shown = members.length <= MEMBERS_SHOWN ? members : [...named, ...members.filter((member) => !named.includes(member) && new Set(member.cells).size > 1)]
  const rows = [
    ...shown,
    ...timeline.clients.slice(0, CLIENTS_SHOWN).map((lane) => ({ name: lane.client, cells: instants.map((at) => clientWords(lane, at)) })),
    ...(timeline.quorum.length === 0 ? [] : [{ name: 'could acknowledge', cells: instants.map((at) => namesOrCount(acknowledgersAt(timeline, at))) }]),
  ]
  const merged = alike(rows)
  const commands = timeline.commands.filter((command) => step !== undefined && command.step === step.step && command.atUs >= step.fromUs && command.atUs <= step.toUs)
  return (
    <section class="cluster" aria-live="polite" aria-label="The cluster at the chosen instant">
      <Scroll label="The cluster at the chosen instant">
        <table class={`stacks${widthOf(merged) <= TABLE_WHOLE ? ' whole' : ''}`}>
          <caption>The cluster at {clock(us)}{step === undefined ? '' : `, step ${step.label}`}</caption>
          <thead><tr><td />{columns.map(({ words, atUs, is }) => <th scope="col" key={words} class={`left${is === 'now' ? ' now' : ''}`}>{words} ({clock(atUs)})</th>)}</tr></thead>
          <tbody>{merged.map(({ name, cells }) => <tr key={name}><th scope="row">{name}</th>{cells.map((words, i) => <td key={i} class={`left${i === now ? ' now' : ''}${i > 0 && words !== cells[i - 1] ? ' changed' : ''}`} data-column={`${columns[i]?.is ?? ''} ${clock(instants[i] ?? 0)}`}>{words}</td>)}</tr>)}</tbody>
        </table>
      </Scroll>
      {shown.length < members.length ? <p class="note">{members.length - shown.length} members that are the same at all three instants are not in this table.</p> : null}
      {timeline.clients.length > CLIENTS_SHOWN ? <p class="note">{timeline.clients.length - CLIENTS_SHOWN} more groups of clients are not in this table; the lane above shows the worst of all.</p> : null}
      {commands.length === 0 ? null : (
        <details>
          <summary>What the operator typed in this step ({commands.length})</summary>
          {commands.slice(0, COMMANDS_SHOWN).map((command, i) => <pre key={i}><code>{`${clock(command.atUs)} $ ${command.line}\n${command.out}${command.code === null || command.code === 0 ? '' : `\n(exit ${command.code})`}${command.said === '' ? '' : `\n→ the gate reads this as: ${command.said}`}`}</code></pre>)}
          {commands.length > COMMANDS_SHOWN ? <p class="note">and {commands.length - COMMANDS_SHOWN} more of this step; the trace file has all.</p> : null}
          {step?.gate == null ? null : <p class="note">{gateNote(step.gate, commands.length)}</p>}
        </details>
      )}
    </section>
  )
}

interface TableRow {
  readonly name: string
  readonly cells: readonly string[]
}

/** Neighbours of one sort that are the same at all instants are one row: `clients-1 … clients-4`. */
function alike(rows: readonly TableRow[]): TableRow[] {
  const stem = (name: string): string => name.replace(/\d+$/, '')
  const kept: (TableRow & { readonly first: string })[] = []
  for (const { name, cells } of rows) {
    const last = kept.at(-1)
    if (last !== undefined && /\d$/.test(name) && /client/.test(name) && stem(last.first) === stem(name) && last.cells.join('\n') === cells.join('\n')) kept[kept.length - 1] = { ...last, name: `${last.first} … ${name}` }
    else kept.push({ name, cells, first: name })
  }
  return kept
}

/** The width of the whole table in characters. */
function widthOf(rows: readonly TableRow[]): number {
  const widest = (of: (row: TableRow) => number): number => Math.max(0, ...rows.map(of))
  return widest(({ name }) => name.length) + (rows[0]?.cells ?? []).reduce((sum, _, i) => sum + widest(({ cells }) => (cells[i] ?? '').length * (i > 0 && cells[i] !== cells[i - 1] ? BOLD : 1)), 0)
}

function gateNote({ polls, forUs, waited, passed }: NonNullable<Timeline['steps'][number]['gate']>, listed: number): string {
  const looks = polls > listed ? `${polls} looks, of which ${listed} are listed: those at which nothing could have changed are not. ` : ''
  const held = forUs > 0 ? `The answer had to stay yes for ${lasting(forUs)}. ` : ''
  return `${looks}${held}${passed ? (waited ? 'It said yes in the end.' : 'No look said no.') : 'It never said yes for long enough.'}`
}

interface Column {
  readonly is: 'before' | 'now' | 'after'
  readonly words: string
  readonly atUs: number
}

/** In order of time: an instant after a step stands behind the step's end. */
function columnsOf({ endUs }: Timeline, step: { readonly fromUs: number; readonly toUs: number } | undefined, us: number): Column[] {
  const columns: Column[] = [
    { is: 'before', words: step === undefined ? 'at the start' : 'before the step', atUs: step === undefined ? 0 : Math.max(0, step.fromUs - 1) },
    { is: 'now', words: 'now', atUs: us },
    { is: 'after', words: step === undefined ? 'at the end' : 'after the step', atUs: step?.toUs ?? endUs },
  ]
  return columns.sort((a, b) => a.atUs - b.atUs)
}

function namesOrCount({ count, members }: { readonly count: number; readonly members: readonly string[] }): string {
  return count === 0 ? 'nobody' : count <= NAMES_SHOWN ? members.join(', ') : `${count} members`
}
