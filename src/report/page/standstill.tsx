/** When writes stood still: whose, from when to when, and because of what. */
import type { JSX } from 'preact'
import type { SampleView } from '../view/page.ts'
import { Words } from './parts.tsx'
import { linkTo } from './viewer.tsx'

export function Standstills({ of, go }: { readonly of: Pick<SampleView, 'id' | 'standstills'>; readonly go: (us: number) => void }): JSX.Element | null {
  const { told, more } = of.standstills
  if (told.length === 0) return null
  return (
    <section class="standstills" aria-label="When writes stood still">
      <h4>When writes stood still, the longest first</h4>
      {told.map((each, n) => (
        <details key={n} open={n === 0}>
          <summary>{each.words}</summary>
          <ol class="chain">{each.told.map(({ atUs, clock, text }, i) => <li key={i}><a href={linkTo(of, atUs)} title="Show this instant on the timeline" onClick={(event) => { event.preventDefault(); go(atUs) }}><time>{clock}</time></a> <Words text={text} /></li>)}</ol>
        </details>
      ))}
      {more === '' ? null : <p class="note">{more}</p>}
    </section>
  )
}
