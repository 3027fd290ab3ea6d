/** Steps × fault kinds as a table: a sign and a colour in each field, so that nothing hangs on colour. */
import type { JSX } from 'preact'
import type { HeatMap } from '../view/data.ts'
import { FaultKind } from './kinds.tsx'
import { Scroll } from './parts.tsx'

export function Heat({ heat }: { readonly heat: HeatMap }): JSX.Element {
  const byPlace = new Map(heat.cells.map((cell) => [`${cell.row}\n${cell.kind}`, cell]))
  const signs = new Map(heat.legend.map((each) => [each.id, each]))
  return (
    <>
      <Scroll label={heat.heading}>
        <table class="heat">
          <caption class="hidden">{heat.heading}</caption>
          <thead><tr><td />{heat.columns.map(({ kind }) => <th key={kind} scope="col"><span><FaultKind kind={kind} /></span></th>)}</tr></thead>
          <tbody>
            {heat.rows.map((row) => (
              <tr key={row}>
                <th scope="row">{row}</th>
                {heat.columns.map(({ kind }) => {
                  const cell = byPlace.get(`${row}\n${kind}`)
                  const fate = cell === undefined ? undefined : signs.get(cell.fate)
                  return cell === undefined ? <td key={kind} /> : <td key={kind} class={`fate ${cell.fate}`} title={`${row}, ${kind}: ${fate?.means ?? cell.fate} (${cell.broken} of ${cell.runs} broke something)`}>{fate?.sign ?? '?'}<span class="hidden"> {fate?.means}</span></td>
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <ul class="legend">{heat.legend.map(({ id, sign, means }) => <li key={id}><span class={`fate ${id}`}>{sign}</span> {means}</li>)}<li><span class="fate" /> nothing there to strike</li></ul>
    </>
  )
}
