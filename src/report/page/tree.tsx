/** The runbook as it went, step by step. */
import type { JSX } from 'preact'
import type { TreeLine } from '../view/page.ts'
import { Fault } from './fault.tsx'
import { stepAt } from './instant.ts'
import { clock, lasting, Scroll, Words } from './parts.tsx'
import { timesWords } from '../times.ts'
import { linkTo, type Viewed } from './viewer.tsx'

/** @param us the chosen instant, whose step is marked @param go leads there */
export function Tree({ viewed, us, go }: { readonly viewed: Viewed; readonly us: number; readonly go: (us: number) => void }): JSX.Element {
  const { timeline, tree: lines, smallest, needed } = viewed
  const faults = timeline?.faults ?? []
  const under = (i: number): typeof faults => faults.filter((fault) => belongsTo(fault.fromUs, lines) === i)
  const here = timeline === null ? undefined : stepAt(timeline, us)
  const isHere = ({ step, undo }: TreeLine): boolean => here !== undefined && step.replace(/^undo of /, '') === here.step.replace(/^undo of /, '') && undo === here.undo
  return (
    <details class="tree" open>
      <summary>The runbook as it went</summary>
      <Scroll label="The runbook as it went">
        <table class="stacks tree-table">
          <caption class="hidden">The runbook’s steps with the failing step and the faults</caption>
          <thead><tr><th scope="col" class="figure">at</th><th scope="col" class="left">step</th><th scope="col" class="left">what it does</th><th scope="col" class="figure">took</th><th scope="col" class="left">result</th></tr></thead>
          <tbody>
            {lines.map((line, i) => (
              <>
                <tr key={i} class={[line.failing ? 'bad' : line.error !== 'none' || line.gate.includes('without') || line.gate.includes('against') ? 'odd' : '', line.container ? 'group' : '', line.startUs === null ? 'dim' : '', isHere(line) ? 'here' : ''].join(' ')} aria-current={isHere(line) ? 'step' : undefined}>
                  <td class="figure">{line.startUs === null ? '' : <a href={linkTo(viewed, line.startUs)} title="Show this instant on the timeline" onClick={(event) => { event.preventDefault(); go(line.startUs ?? 0) }}>{clock(line.startUs)}</a>}</td>
                  <th scope="row" style={{ paddingLeft: `${0.4 + line.depth * 1.2}em` }}>{line.failing ? <span class="mark fail" role="img" aria-label="fails here">✗</span> : null} {line.undo ? `undo of ${line.step.replace(/^undo of /, '')}` : line.number === line.step ? line.number : `${line.number} ${line.step}`}</th>
                  <td class="left" data-column="does">{line.title}{line.command === '' ? null : <>{line.title === '' ? '' : ' '}<code class="typed">{line.command}</code></>}</td>
                  <td class="figure" data-column="took">{line.tookUs > 0 ? `${lasting(line.tookUs)}${line.visits > 1 ? ' in all' : ''}` : ''}</td>
                  <td class="left" data-column="result">{resultWords(line)}</td>
                </tr>
                {line.remarks.map(({ words, unseen }, n) => <tr class={unseen ? 'remark unseen' : 'remark'} key={`${i}-said-${n}`}><td /><td /><td colSpan={3} class="left">{words}</td></tr>)}
                {under(i).map((fault, n) => <tr class="fault" key={`${i}-${n}`}><td class="figure">{clock(fault.fromUs)}</td><td colSpan={4} class="left"><span class="bolt-sign" role="img" aria-label="fault">⚡</span> <Fault words={fault.words} /></td></tr>)}
              </>
            ))}
          </tbody>
        </table>
      </Scroll>
      {smallest === null ? null : <p class="note"><Words text={needed.length > 0 ? `• marks ${smallest}` : `${smallest.slice(0, 1).toUpperCase()}${smallest.slice(1)}`} /></p>}
    </details>
  )
}

/** A fault stands under the last line whose step had begun. */
function belongsTo(us: number, lines: readonly TreeLine[]): number {
  let best = 0
  lines.forEach((line, i) => {
    if (line.startUs !== null && line.startUs <= us && line.startUs >= (lines[best]?.startUs ?? 0)) best = i
  })
  return best
}

function resultWords(line: TreeLine): JSX.Element {
  const parts = [
    line.failing ? 'it fails here' : '',
    line.result === 'failed' ? 'failed' : line.result === 'open' ? 'never ended' : line.result === 'interrupted' ? 'ended with Ctrl-C' : line.result === 'not reached' ? 'not reached' : '',
    line.error === 'silent' ? 'an error, with exit status 0' : line.error === 'passed over' && line.gate === '' ? 'an error that stopped nothing' : '',
    line.gate,
    timesWords(line.visits, line.skipped),
    line.downUs > 0 ? `writes down ${lasting(line.downUs)}` : '',
  ].filter((part) => part !== '')
  return <>{line.needed ? <span title="the failure needs this step">• </span> : ''}{parts.join(', ')}</>
}
