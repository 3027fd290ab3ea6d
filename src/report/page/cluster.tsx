/** The cluster before a step, at the chosen instant, and after the step; and what the operator typed in it. */
import type { JSX } from 'preact'
import type { Timeline } from '../view/data.ts'
import { acknowledgersAt, clientWords, stateWords, stepAt } from './instant.ts'
import { clock, Scroll } from './parts.tsx'

/** Groups of clients in the table. */
const CLIENTS_SHOWN = 4
/** Commands shown of one step. */
const COMMANDS_SHOWN = 6

export function Cluster({ timeline, us }: { readonly timeline: Timeline; readonly us: number }): JSX.Element {
  const step = stepAt(timeline, us)
  const before = step === undefined ? 0 : Math.max(0, step.fromUs - 1)
  const after = step?.toUs ?? timeline.endUs
  const instants = [before, us, after]
  const manyTimelines = new Set(timeline.members.flatMap(({ spans }) => spans.map((span) => span.timeline))).size > 1
  const rows = [
    ...timeline.members.map((lane) => ({ name: lane.member, cells: instants.map((at) => stateWords(lane, at, manyTimelines)) })),
    ...timeline.clients.slice(0, CLIENTS_SHOWN).map((lane) => ({ name: lane.client, cells: instants.map((at) => clientWords(lane, at)) })),
    ...(timeline.quorum.length === 0 ? [] : [{ name: 'could acknowledge', cells: instants.map((at) => acknowledgersAt(timeline, at).join(', ') || 'nobody') }]),
  ]
  const commands = timeline.commands.filter((command) => step !== undefined && command.step === step.step && command.atUs >= step.fromUs && command.atUs <= step.toUs)
  return (
    <section class="cluster" aria-live="polite" aria-label="The cluster at the chosen instant">
      <Scroll label="The cluster at the chosen instant">
        <table>
          <caption>The cluster at {clock(us)}{step === undefined ? '' : `, step ${step.label}`}</caption>
          <thead><tr><td /><th scope="col" class="left">before the step ({clock(before)})</th><th scope="col" class="left now">now ({clock(us)})</th><th scope="col" class="left">after the step ({clock(after)})</th></tr></thead>
          <tbody>{rows.map(({ name, cells }) => <tr key={name}><th scope="row">{name}</th>{cells.map((words, i) => <td key={i} class={`left${i === 1 ? ' now' : ''}${i > 0 && words !== cells[i - 1] ? ' changed' : ''}`}>{words}</td>)}</tr>)}</tbody>
        </table>
      </Scroll>
      {timeline.clients.length > CLIENTS_SHOWN ? <p class="note">{timeline.clients.length - CLIENTS_SHOWN} more groups of clients are not in this table; the lane above shows the worst of all.</p> : null}
      {commands.length === 0 ? null : (
        <details>
          <summary>What the operator typed in this step ({commands.length})</summary>
          {commands.slice(0, COMMANDS_SHOWN).map((command, i) => <pre key={i}><code>{`${clock(command.atUs)} $ ${command.line}\n${command.out}${command.code === null || command.code === 0 ? '' : `\n(exit ${command.code})`}`}</code></pre>)}
          {commands.length > COMMANDS_SHOWN ? <p class="note">and {commands.length - COMMANDS_SHOWN} more of this step; the trace file has all.</p> : null}
        </details>
      )}
    </section>
  )
}
