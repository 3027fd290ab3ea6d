/** A comparison: who did what, the decision table, differences with their intervals, and what downtime must cost. */
import type { JSX } from 'preact'
import { breakEvenChart, differenceChart, differenceHeight } from '../charts/comparison.ts'
import type { ComparisonCellView, ComparisonView, PairView } from '../view/comparison.ts'
import { ChartFigure } from './chart.tsx'
import { Section, Table } from './parts.tsx'
import { useTheme } from './theme.tsx'

export function Comparison({ view }: { readonly view: ComparisonView }): JSX.Element {
  const [first] = view.cells
  return (
    <article aria-labelledby="comparison-name">
      <header class="verdict">
        <h1 id="comparison-name">{first?.scenarios.map(({ letter, scenario }, i) => <span key={letter}>{i === 0 ? '' : ' against '}<span class="letter">{letter}</span> {scenario}</span>)}</h1>
        {view.notes.length === 0 ? null : <div class="not-covered"><p><strong>Mind first</strong></p><ul>{view.notes.map((words) => <li key={words}>{words}</li>)}</ul></div>}
        {view.sentences.map((words) => <p class="sentence" key={words}>{words}</p>)}
        <dl class="facts">{view.facts.map(([name, value]) => <div key={name} class={value.length > 70 ? 'long' : ''}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      </header>
      {view.cells.map((cell) => <Cell key={cell.id} cell={cell} said={view.sentences.length > 0} />)}
    </article>
  )
}

/** @param said what it comes to stands above already */
function Cell({ cell, said }: { readonly cell: ComparisonCellView; readonly said: boolean }): JSX.Element {
  const theme = useTheme()
  const where = cell.vary === '' ? '' : ` at ${cell.vary}`
  return (
    <>
      <Section id={`${cell.id}-how`} title={`How each did${where}`}>
        <ul class="compared">{cell.scenarios.map(({ letter, scenario, title, upgrade, held, words }) => <li key={letter} class={held ? 'held' : 'violated'}><strong><span class="letter">{letter}</span> {scenario}</strong><br />{title}{upgrade === '' ? '' : `: ${upgrade}`}<br />{words}</li>)}</ul>
      </Section>
      {cell.decision === null ? null : <Section id={`${cell.id}-decision`} title={`Decision table${where}`}><Table view={cell.decision} caption="Decision table" /></Section>}
      {cell.pairs.map((pair) => <Section key={pair.title} id={cell.decision === null ? `${cell.id}-decision` : `${cell.id}-${pair.names.join('')}`} title={`${cell.decision === null ? 'Decision table: ' : ''}${pair.title}${where}`}><Pair pair={pair} /></Section>)}
      <Section id={`${cell.id}-money`} title={`From which price of downtime on the dearer one pays off${where}`}>
        <ChartFigure height={400} alt={cell.pairs.map(({ words }) => words).join(' ')} make={() => breakEvenChart(cell.priced, cell.breakEvens, theme, '', cell.bill)} deps={[theme]} />
        {said ? null : cell.pairs.map(({ words }) => <p key={words}>{words}</p>)}
        {cell.losses === '' ? null : <p>{cell.losses}</p>}
      </Section>
    </>
  )
}

function Pair({ pair }: { readonly pair: PairView }): JSX.Element {
  const theme = useTheme()
  return (
    <>
      <Table view={pair.table} caption={pair.title} />
      {pair.checks.length === 0 ? null : <><p>On the same luck, a rehearsal …</p><ul>{pair.checks.map((words) => <li key={words}>{words}</li>)}</ul></>}
      {pair.bars.length === 0 ? <p>Nothing was measured in either.</p> : <ChartFigure height={differenceHeight(pair.bars)} alt={pair.bars.map(({ name, words }) => `${name}: ${words}`).join('; ')} make={() => differenceChart(pair.bars, pair.names, theme, '')} deps={[theme]} />}
    </>
  )
}
