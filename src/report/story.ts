/** One failing rehearsal told: the runbook as it went, why it failed, who led when, and how to see it again. */
import type { Explanation } from '../campaign/index.ts'
import type { Counterexample, Root } from '../campaign/result.ts'
import { formatClock, formatDuration } from '../kernel/index.ts'
import type { Plan, PlanStep } from '../operator/index.ts'
import type { RehearsalResult, StepRecord } from '../result.ts'
import { unnoticedOf } from './first.ts'
import { type ScriptLine, UNSEEN, scriptLines } from './lines.ts'
import { type Often, type StepNames, inevitableLines, lastStrikeOf, rootSentence, smallestLines, twinLines } from './explained.ts'
import { atEndWords } from './atEnd.ts'
import { endedByHand, slipsOf } from './slips.ts'
import { causeNamed } from './causes.ts'
import { clauseWords, evidenceWords, newClauses } from './evidence.ts'
import { REMEDY_NOTE, remedyFor } from './remedies.ts'
import { moreStandstills, standstillsOf, standstillWords } from './standstill.ts'
import { renderStrip } from './strip.ts'
import { timesWords } from './times.ts'
import { type Screen, cut, glyphsFor, hang, paintFor } from './text.ts'
import { asStruck, count, faultSentence, faultWords, plannedUs, violationWords } from './words.ts'

const REMARK_INDENT = 14

/** A step of the runbook as a reader sees it. */
export interface OutlineStep {
  readonly id: string
  /** Its place: `3`, or `3.1` inside step 3. An id that is itself a number is that number. */
  readonly number: string
  readonly title: string
  readonly depth: number
  /** It holds other steps; its downtime is theirs. */
  readonly container: boolean
  /** What is typed there as the runbook says it, variables and all; empty where nothing is. */
  readonly typed?: string
  /** Its line in the runbook's file; absent in one written in TypeScript. */
  readonly line?: number
  /** The variable that its output is kept in. */
  readonly captures?: string
}

/** The forward path of a runbook in its written order. */
export function outlineOf(plan: Plan): OutlineStep[] {
  const depthOf = (index: number): number => {
    const parent = plan.steps[index]?.parent ?? -1
    return parent < 0 ? 0 : 1 + depthOf(parent)
  }
  const forward = plan.steps.filter((step) => step.path === 'forward')
  const numbers = new Map<number, string>()
  const children = new Map<number, number>()
  return forward.map((step) => {
    const nth = (children.get(step.parent) ?? 0) + 1
    children.set(step.parent, nth)
    const parent = numbers.get(step.parent)
    // A line of a script has its number in the file.
    const number = isNumber(step.id) || plan.script !== undefined ? step.id : parent === undefined ? String(nth) : `${parent}.${nth}`
    numbers.set(step.index, number)
    const typed = typedOf(step)
    return { id: step.id, number, title: step.title || commandOf(step), depth: depthOf(step.index), container: forward.some((other) => other.parent === step.index), ...(typed === '' ? {} : { typed }), ...(step.place.line > 0 ? { line: step.place.line } : {}), ...(step.as === undefined ? {} : { captures: step.as }) }
  })
}

function isNumber(id: string): boolean {
  return /^\d+(?:\.\d+)*$/.test(id)
}

/** `3 promote`, or `3` when that is all its name. */
export function labelOf({ id, number }: OutlineStep): string {
  return id === number ? number : `${number} ${id}`
}

/** Names steps by number and id: `3 promote`, `undo of 3 promote`; one that is not in the outline by its id. */
export function namesOf(outline: readonly OutlineStep[]): StepNames {
  return (id) => {
    const step = outline.find((each) => each.id === id.replace(/^undo of /, ''))
    return step === undefined ? id : `${id.startsWith('undo of ') ? 'undo of ' : ''}${labelOf(step)}`
  }
}

/** All that is typed in a step. */
function typedOf({ action }: PlanStep): string {
  const texts = action.kind === 'run' || action.kind === 'parallel' ? action.lines.map(({ text }) => text) : action.kind === 'gate' ? [action.line.text] : []
  return texts.join('; ').replace(/\s+/g, ' ').trim()
}

/** An untitled step goes by its first command. */
function commandOf({ action, note }: PlanStep): string {
  if (action.kind === 'run' || action.kind === 'parallel') return action.lines[0]?.text ?? ''
  if (action.kind === 'gate') return action.line.text
  return note ?? ''
}

/** What a story is told from. */
export interface Story {
  readonly scenario: string
  readonly outline: readonly OutlineStep[]
  readonly counterexample: Pick<Counterexample, 'check' | 'cause' | 'step' | 'evidence' | 'because' | 'schedule' | 'faultsFound' | 'seed' | 'replay'> & { readonly root?: Root | undefined; readonly explained?: Explanation | undefined }
  readonly rehearsal: RehearsalResult
  /** The nearest rehearsal that passes, recorded. */
  readonly twin?: RehearsalResult | undefined
  /** What its engine advises, by cause. */
  readonly remedies?: Readonly<Record<string, string>> | undefined
  /** In how many rehearsals of its campaign the check failed. */
  readonly often?: Often | undefined
  /** A scenario that does the same job without these mistakes, by name. */
  readonly corrected?: string | undefined
}

/** The story as lines. */
export function renderStory(story: Story, screen: Screen): string[] {
  const paint = paintFor(screen)
  const { counterexample } = story
  const { explained } = counterexample
  const faults = counterexample.schedule.length
  const names = namesOf(story.outline)
  const shrunk = counterexample.faultsFound > faults ? `, shrunk from ${counterexample.faultsFound}` : ''
  const head = `How it ${violationWords(counterexample.check)} (${faults === 0 ? 'no fault needed' : count(faults, 'fault')}${shrunk})`
  const about = [counterexample.evidence, ...counterexample.because.map(({ text }) => text)].join('\n')
  const asText = (words: string): string => (screen.unicode ? words : words.replace(/[“”]/g, '"').replace(/’/g, "'").replace(/…/g, '..'))
  const strip = renderStrip(story.rehearsal, screen, new Map(story.outline.map((step) => [step.id, step.number])), about)
  const remedy = remedyFor(counterexample.cause, story.remedies)
  const saw = unnoticedOf(story, names)?.advice ?? ''
  const advice = [...(remedy === undefined ? [] : [`${remedy} ${REMEDY_NOTE}`]), saw].filter((words) => words !== '').join(' ')
  const instead = story.corrected === undefined ? '' : `A runbook for the same job, written to avoid such mistakes: \`proofroll run ${story.corrected}\` (judged by objectives of its own, on a cluster of its own).`
  const sections = [
    [...hang('', head, screen.columns).map(paint.bold), ...faultLines(story, screen), ...tree(story, screen), ...(explained === undefined ? [] : smallestLines(explained, faults, counterexample.step, screen))],
    [paint.bold('Why'), ...why(story, names, screen)],
    explained === undefined ? [] : [paint.bold('Since when it was inevitable'), ...inevitableLines(explained, faults, lastStrikeOf(story.rehearsal), names, screen, story.often)],
    stoodStill(story, names, screen),
    strip.length > 0 ? [paint.bold('Who led'), ...strip] : [],
    explained === undefined ? [] : [paint.bold('What leaving steps out or exchanging them would have done'), ...twinLines(explained, asStruck(counterexample.schedule, story.rehearsal), { failed: story.rehearsal, twin: story.twin, about }, names, screen)],
    advice === '' && instead === '' ? [] : [paint.bold('What would avoid it'), ...[advice, instead].filter((words) => words !== '').flatMap((words) => hang('  ', asText(words), screen.columns))],
    [paint.bold('See it again'), `  ${counterexample.replay}`],
  ]
  return sections.filter((lines) => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

/** The schedule in words, when the rehearsal has no recorded faults to mark in the tree. */
function faultLines({ counterexample, rehearsal }: Story, screen: Screen): string[] {
  if (rehearsal.story !== undefined) return []
  return counterexample.schedule.flatMap((fault) => hang(`  ${glyphsFor(screen).strike} `, faultWords(fault), screen.columns))
}

interface Line {
  readonly mark: string
  readonly label: string
  readonly title: string
  readonly depth: number
  readonly start: string
  readonly took: string
  readonly result: string
}

/** A line of the tree with what it was made from. */
interface Branch {
  readonly line: Line
  readonly step: OutlineStep
  readonly records: readonly StepRecord[]
  /** Something happened in this very step that the story is about: its lines are never folded away. */
  readonly told: boolean
  /** Of a line of a script: what it printed and how it ended. */
  readonly script?: ScriptLine | undefined
}

function tree(story: Story, screen: Screen): string[] {
  const { rehearsal, counterexample } = story
  const script = new Map(scriptLines(rehearsal).map((line) => [line.line, line]))
  const outline = withLines(story.outline, [...script.values()])
  const needed = new Set(counterexample.explained?.smallest.needed ?? [])
  const forward = rehearsal.steps.filter((step) => step.path === 'forward')
  const branch = (step: OutlineStep, records: readonly StepRecord[]): Branch => {
    const line = lineOf(step, records, counterexample.step, rehearsal, screen)
    const needs = needed.has(step.id) && line.mark === ' '
    const told = line.mark !== ' ' || needs || records.some((record) => record.result === 'failed')
    return { line: needs ? { ...line, mark: glyphsFor(screen).needs } : line, step, records, told }
  }
  const branches = outline.map((step): Branch => {
    const line = script.get(step.id)
    const records = forward.filter((record) => record.step === step.id)
    if (line === undefined || records.length > 0) return { ...branch(step, records), script: line }
    // A line that starts no program is no step: it has no records, and the line's own figures.
    const stand: StepRecord = { step: step.id, title: step.title, path: 'forward', visit: 1, startUs: line.startUs, endUs: line.startUs + line.tookUs, result: 'done', writeDowntimeUs: 0, commands: 0 }
    const made = branch(step, [stand])
    return { ...made, line: { ...made.line, result: line.passes > 1 ? `${line.passes} times` : '' }, script: line }
  })
  for (const record of rehearsal.steps.filter((step) => step.path === 'undo')) {
    const id = record.step.startsWith('undo of ') ? record.step : `undo of ${record.step}`
    branches.push(branch({ id, number: id, title: record.title, depth: 0, container: false }, [record]))
  }
  const struck = strikesByLine(branches.map(({ records }) => records), rehearsal)
  const shown = counterexample.explained === undefined ? branches.map((each, i) => ({ ...each, at: i })) : folded(branches, struck)
  const idWidth = Math.min(24, Math.max(4, ...shown.map(({ line }) => line.label.length + 2 * line.depth)))
  return withoutTheUnreached(shown).flatMap((each) => {
    if (typeof each === 'string') return hang(`    ${glyphsFor(screen).ellipsis} `, each, screen.columns).map(paintFor(screen).dim)
    return [...layLine(each.line, idWidth, screen), ...remarks(each.script, screen), ...(struck.get(each.at) ?? []).flatMap((text) => hang(`      ${glyphsFor(screen).strike} `, text, screen.columns).map(paintFor(screen).yellow))]
  })
}

/** What a line of a script printed and how it ended, below it. */
function remarks(line: ScriptLine | undefined, screen: Screen): string[] {
  const paint = paintFor(screen)
  const asText = (words: string): string => (screen.unicode ? words : words.replaceAll('…', '..'))
  return (line?.remarks ?? []).flatMap((words) => hang(' '.repeat(REMARK_INDENT), asText(words), screen.columns).map(words.includes(UNSEEN) ? paint.yellow : paint.dim))
}

/** The outline of a script with the lines that start no program but decide something: tests, assignments, functions. */
export function withLines(outline: readonly OutlineStep[], lines: readonly ScriptLine[]): readonly OutlineStep[] {
  const known = new Set(outline.map((step) => step.id))
  const more = lines.filter(({ line }) => !known.has(line)).map(({ line, text }): OutlineStep => ({ id: line, number: line, title: text, depth: 0, container: false }))
  const place = ({ id }: OutlineStep): readonly [file: string, line: number] => [id.replace(/L?\d+$/, ''), Number(/\d+$/.exec(id)?.[0] ?? 0)]
  const files = [...new Set([...outline, ...more].map((step) => place(step)[0]))]
  return more.length === 0 ? outline : [...outline, ...more].toSorted((a, b) => files.indexOf(place(a)[0]) - files.indexOf(place(b)[0]) || place(a)[1] - place(b)[1])
}

type Shown = Branch & { readonly at: number }

/** A group in which nothing happened that the story is about is one line: the outline stays, the night is short. */
function folded(branches: readonly Branch[], struck: ReadonlyMap<number, unknown>): Shown[] {
  const shown: Shown[] = []
  for (let i = 0; i < branches.length; i++) {
    const each = branches[i] as Branch
    let end = i + 1
    while (end < branches.length && (branches[end] as Branch).step.depth > each.step.depth) end++
    const inside = branches.slice(i + 1, end)
    const quiet = inside.length > 0 && !inside.some((other, n) => other.told || struck.has(i + 1 + n))
    if (!quiet) {
      shown.push({ ...each, at: i })
      continue
    }
    const downUs = inside.filter(({ step }) => !step.container).flatMap(({ records }) => records).reduce((sum, record) => sum + record.writeDowntimeUs, 0)
    const steps = count(inside.filter(({ step }) => !step.container).length, 'step')
    const result = [steps, each.line.result, downUs > 0 ? `writes down ${formatDuration(downUs)}` : ''].filter((part) => part !== '').join(', ')
    shown.push({ ...each, line: { ...each.line, result: each.records.length === 0 ? each.line.result : result }, at: i })
    i = end - 1
  }
  return shown
}

/** Three and more lines in a row that say "not reached" are one. */
function withoutTheUnreached(shown: readonly Shown[]): (Shown | string)[] {
  const lines: (Shown | string)[] = []
  for (let i = 0; i < shown.length; i++) {
    let end = i
    while (end < shown.length && (shown[end] as Shown).records.length === 0 && (shown[end] as Shown).line.mark === ' ') end++
    if (end - i < 3) lines.push(shown[i] as Shown)
    else {
      lines.push(`not reached: ${shown.slice(i, end).map(({ step }) => labelOf(step)).join(', ')}`)
      i = end - 1
    }
  }
  return lines
}

function lineOf(step: OutlineStep, records: readonly StepRecord[], failing: string, rehearsal: RehearsalResult, screen: Screen): Line {
  const { bad } = glyphsFor(screen)
  const first = records[0]
  const mark = step.id === failing ? bad : ' '
  if (first === undefined) return { mark, label: labelOf(step), depth: step.depth, title: titleOf(step), start: '', took: '', result: 'not reached' }
  const tookUs = records.reduce((sum, record) => sum + (record.endUs === undefined ? 0 : record.endUs - record.startUs), 0)
  const downUs = records.reduce((sum, record) => sum + record.writeDowntimeUs, 0)
  const notes = [
    records.some((record) => record.result === 'failed' && !endedByHand(rehearsal, record)) ? 'failed' : '',
    records.some((record) => endedByHand(rehearsal, record)) ? 'Ctrl-C' : '',
    records.at(-1)?.result === 'open' ? 'never ended' : '',
    timesWords(records.length, records.filter(({ result }) => result === 'skipped').length),
    downUs > 0 && !step.container ? `writes down ${formatDuration(downUs)}` : '',
  ]
  return { mark, label: labelOf(step), depth: step.depth, title: titleOf(step), start: clock(first.startUs), took: tookUs > 0 ? formatDuration(tookUs) : '', result: notes.filter((note) => note !== '').join(', ') }
}

function titleOf(step: OutlineStep): string {
  return step.title === step.id ? '' : step.title
}

/** One line, or two where what came of the step does not fit beside it. */
function layLine(line: Line, idWidth: number, screen: Screen): string[] {
  const { ellipsis, arrow, bad } = glyphsFor(screen)
  const paint = paintFor(screen)
  const fails = line.mark === bad
  const result = fails ? [line.result, `${arrow} here`].filter((part) => part !== '').join('  ') : line.result
  const id = cut(`${'  '.repeat(line.depth)}${line.label}`, idWidth, ellipsis).padEnd(idWidth)
  const left = `  ${line.mark} ${line.start.padStart(7)}  ${id}`
  // What happened matters more than the title: the title gets the room that is left.
  const right = [line.took, result].filter((part) => part !== '').join('  ')
  const room = screen.columns - left.length - right.length - 4
  const title = room >= 8 ? cut(line.title, room, ellipsis).padEnd(room) : ''
  const dressed = (text: string): string => (fails ? paint.red(text) : line.result === 'not reached' ? paint.dim(text) : text)
  const gap = left.length + 4 + right.length > screen.columns ? '  ' : '    '
  if (left.length + 2 + right.length > screen.columns) return [`${left}  ${line.took}`.trimEnd(), ...hang(' '.repeat(REMARK_INDENT), result, screen.columns)].map(dressed)
  return [dressed((title === '' ? `${left}${gap}${right}` : `${left}  ${title}  ${right}`).trimEnd())]
}

/** Which faults to write under which line: a fault belongs to the last line whose step had begun when it struck. */
function strikesByLine(lines: readonly (readonly StepRecord[])[], rehearsal: RehearsalResult): Map<number, string[]> {
  const byLine = new Map<number, string[]>()
  for (const fault of rehearsal.story?.faults ?? []) {
    let best = 0
    let bestStartUs = Number.NEGATIVE_INFINITY
    lines.forEach((records, i) => {
      for (const record of records) {
        if (record.startUs > fault.atUs || record.startUs < bestStartUs) continue
        best = i
        bestStartUs = record.startUs
      }
    })
    const words = faultSentence(fault, plannedUs(rehearsal, fault))
    const text = fault.struck ? `${formatClock(fault.atUs)} ${words}` : words
    byLine.set(best, [...(byLine.get(best) ?? []), text])
  }
  return byLine
}

function why(story: Story, names: StepNames, screen: Screen): string[] {
  const { counterexample } = story
  const { check, cause, because, step: blamed, schedule } = counterexample
  const evidence = evidenceWords(check, counterexample.evidence)
  const { effect, rest } = newClauses(evidence, because)
  const asText = (text: string): string => (screen.unicode ? text : text.replace(/[“”]/g, '"').replace(/’/g, "'").replace(/…/g, '..'))
  const named = causeNamed(cause)
  const lines = [
    ...(named === cause ? [] : hang('  ', asText(`${named.slice(0, 1).toUpperCase()}${named.slice(1)}.`), screen.columns)),
    ...hang('  ', asText(`${evidence}${effect === undefined ? '' : ` (seen at ${clock(effect.atUs)})`}`), screen.columns),
  ]
  // In order of time; of one instant the cause before what came of it.
  for (const { atUs, text, step } of [...rest].reverse().sort((a, b) => a.atUs - b.atUs)) {
    const where = step === undefined || step === '-' ? '' : ` (step ${names(step)})`
    lines.push(...hang(`  because ${clock(atUs).padStart(7)}  `, asText(`${clauseWords(text)}${where}`), screen.columns))
  }
  for (const words of slipsOf(story, names)) lines.push(...hang('  on the way       ', asText(words), screen.columns))
  const unnoticed = unnoticedOf(story, names)
  if (unnoticed !== null) lines.push(...hang('  unnoticed        ', asText(unnoticed.words), screen.columns))
  const atEnd = atEndWords(story.rehearsal)
  // The column says that it is the end.
  if (atEnd !== '') lines.push(...hang('  at the end       ', asText(atEnd.replace(/^At the end \((.*?)\): /, '$1: ')), screen.columns))
  const { root } = counterexample
  if (root !== undefined && root.what !== '') {
    const words = rootSentence({ root, step: blamed, schedule }, names).replace(/^Tested: /, '').replace(/^It (?=also)/, 'it ').replace(/\.$/, '')
    lines.push(...hang(root.tested ? '  tested           ' : '  correlated       ', words, screen.columns))
  }
  return lines
}

/** Standstills told one by one. */
const STANDSTILLS_MAX = 2

/** When writes stood still, and because of what. */
function stoodStill({ rehearsal }: Story, names: StepNames, screen: Screen): string[] {
  const all = standstillsOf(rehearsal, names)
  if (all.length === 0) return []
  const asText = (text: string): string => (screen.unicode ? text : text.replace(/[“”]/g, '"').replace(/’/g, "'").replace(/…/g, '..').replaceAll('µ', 'u'))
  const told = all.slice(0, STANDSTILLS_MAX).flatMap((each) => [
    ...hang('  ', asText(standstillWords(each, names)), screen.columns),
    ...each.told.flatMap(({ atUs, text }) => hang(`    ${clock(atUs).padStart(8)}  `, asText(text), screen.columns)),
  ])
  const more = moreStandstills(all.slice(STANDSTILLS_MAX))
  return [paintFor(screen).bold(all.length === 1 ? 'When writes stood still' : 'When writes stood still, the longest first'), ...told, ...(more === '' ? [] : hang('  ', more, screen.columns))]
}

/** `12:03.2`: tenths are enough to put events in order for a reader. What was so before the first step has no time. */
function clock(us: number): string {
  if (us < 0) return 'before'
  return formatClock(us).slice(0, -2)
}
