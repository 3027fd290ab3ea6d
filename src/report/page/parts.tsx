/** Small parts that every section uses. */
import type { ComponentChildren, JSX } from 'preact'
import type { Row, TableView } from '../view/page.ts'
import { Prose } from './kinds.tsx'

export { clock } from '../view/clock.ts'
export { lasting } from './duration.ts'

export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

const MARKS = { pass: ['✓', 'held'], fail: ['✗', 'violated'], none: ['–', 'not tested'], over: ['!', 'not kept'] } as const

export function Mark({ status }: { readonly status: keyof typeof MARKS }): JSX.Element {
  const [sign, words] = MARKS[status]
  return <span class={`mark ${status}`} role="img" aria-label={words}>{sign}</span>
}

/** A table with its sentences. Its first column names the rows; figures stand right. */
export function Table({ view, caption, left = 1 }: { readonly view: TableView; readonly caption: string; readonly left?: number }): JSX.Element {
  const marked = view.rows.some(({ status }) => status !== undefined)
  const cell = (row: Row, text: string, i: number): JSX.Element => {
    const link = row.links?.[i]
    const content = i === 0 && marked && row.status !== undefined ? <><Mark status={row.status} /> {text}</> : link === undefined ? text : <a href={link} title="Show the rehearsal in which it was so">{text}</a>
    return i === 0 ? <th scope="row" key={i}>{content}</th> : <td key={i} class={i < left || view.head[i] === '' ? 'left' : 'figure'} data-column={view.head[i]}>{content}</td>
  }
  return (
    <>
      <Scroll label={caption}>
        <table class="stacks">
          <caption class="hidden">{caption}</caption>
          <thead><tr>{view.head.map((text, i) => (text === '' ? <td key={i} /> : <th scope="col" key={i} class={i < left ? 'left' : 'figure'}>{text}</th>))}</tr></thead>
          <tbody>{view.rows.map((row, n) => <tr key={n} class={row.status === 'fail' ? 'bad' : ''}>{row.cells.map((text, i) => cell(row, text, i))}</tr>)}</tbody>
        </table>
      </Scroll>
      {view.notes.map((note, i) => <p class="note" key={i}><Words text={note} /></p>)}
    </>
  )
}

/** What may be wider than the screen scrolls in itself, and can be reached by keyboard. */
export function Scroll({ label, children, tall = false }: { readonly label: string; readonly children: ComponentChildren; readonly tall?: boolean }): JSX.Element {
  return <div class={`scroll${tall ? ' tall' : ''}`} tabIndex={0} role="region" aria-label={label}>{children}</div>
}

export function Section({ id, title, children }: { readonly id: string; readonly title: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  )
}

/** Words with `code` in backticks, and with names of faults that lead to what they mean. */
export function Words({ text }: { readonly text: string }): JSX.Element {
  return <>{text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : <Prose key={i} text={part} />))}</>
}
