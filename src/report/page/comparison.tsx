/** A comparison: who did what, the decision table, differences with their intervals, and what downtime must cost. */
import type { JSX } from 'preact'
import { breakEvenChart, differenceChart, differenceHeight } from '../charts/comparison.ts'
import type { ComparisonCellView, ComparisonView } from '../view/comparison.ts'
import { ChartFigure } from './chart.tsx'
import { Section, Table } from './parts.tsx'
import { useTheme } from './theme.tsx'

export function Comparison({ view }: { readonly view: ComparisonView }): JSX.Element {
  const [first] = view.cells
  return (
    <article aria-labelledby="comparison-name">
      <header class="verdict">
        <h1 id="comparison-name">{first?.scenarios.map(({ scenario }) => scenario).join(' against ')}</h1>
        <dl class="facts">{view.facts.map(([name, value]) => <div key={name} class={value.length > 70 ? 'long' : ''}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      </header>
      {view.cells.map((cell) => <Cell key={cell.id} cell={cell} />)}
    </article>
  )
}

function Cell({ cell }: { readonly cell: ComparisonCellView }): JSX.Element {
  const theme = useTheme()
  const where = cell.vary === '' ? '' : ` at ${cell.vary}`
  return (
    <>
      <Section id={`${cell.id}-how`} title={`How each did${where}`}>
        <ul class="compared">{cell.scenarios.map(({ letter, scenario, held, words }) => <li key={letter} class={held ? 'held' : 'violated'}><strong>{letter}  {scenario}</strong><br />{words}</li>)}</ul>
      </Section>
      <Section id={`${cell.id}-decision`} title={`Decision table${where}`}><Table view={cell.decision} caption="Decision table" /></Section>
      {cell.pairs.map((pair) => (
        <Section key={pair.title} id={`${cell.id}-${pair.names.join('')}`} title={`${pair.title}${where}`}>
          <p><strong>{pair.words}</strong></p>
          {pair.bars.length === 0 ? <p>Nothing was measured in either.</p> : <ChartFigure height={differenceHeight(pair.bars)} alt={pair.bars.map(({ name, words }) => `${name}: ${words}`).join('; ')} make={() => differenceChart(pair.bars, pair.names, theme, '')} deps={[theme]} />}
          {pair.checks.length === 0 ? null : <><p>On the same luck, a rehearsal …</p><ul>{pair.checks.map((words) => <li key={words}>{words}</li>)}</ul></>}
          <Table view={pair.table} caption={pair.title} />
        </Section>
      ))}
      <Section id={`${cell.id}-money`} title={`From which price of downtime on the dearer one pays off${where}`}>
        <ChartFigure height={400} alt={cell.pairs.map(({ words }) => words).join(' ')} make={() => breakEvenChart(cell.priced, cell.breakEvens, theme, '')} deps={[theme]} />
        {cell.pairs.map(({ words }) => <p key={words}>{words}</p>)}
      </Section>
    </>
  )
}
