/**
 * Who led, who followed and who was down over time, one row a member: the picture in which two leaders, or none, are seen at once. Time is not
 * to scale: a rehearsal is minutes of waiting around seconds that matter, so each interval between two events gets width by the fourth root of its length.
 */
import { formatClock } from '../kernel/index.ts'
import type { MemberChange, RehearsalResult } from '../result.ts'
import { type Screen, cutFront, glyphsFor, paintFor } from './text.ts'
import { count } from './words.ts'

const NAME_WIDTH_MAX = 20
/** Members with a row; of more, those that the failure is about and the first others. */
const MEMBERS_SHOWN = 12

/** The instants at which columns change, and the first column of each. */
interface Axis {
  readonly atUs: readonly number[]
  readonly column: readonly number[]
  readonly width: number
}

/**
 * The strip as lines; empty when the rehearsal was not recorded.
 * @param numbers the steps' numbers by id, to mark where they began @param about what the failure says, for the members that it names
 */
export function renderStrip(rehearsal: RehearsalResult, screen: Screen, numbers: ReadonlyMap<string, string>, about = ''): string[] {
  const story = rehearsal.story
  if (story === undefined || story.members.length === 0) return []
  const glyphs = glyphsFor(screen)
  const names = [...new Set(story.members.map((change) => change.member))]
  const nameWidth = Math.min(NAME_WIDTH_MAX, Math.max(7, ...names.map((name) => name.length)))
  const axis = layOut(rehearsal, screen.columns - nameWidth - 4)
  const histories = new Map(names.map((name) => [name, axis.atUs.map((atUs, i) => stateIn(story.members, name, atUs, axis.atUs[i + 1] ?? Number.POSITIVE_INFINITY))]))
  const row = (name: string, cells: string): string => `  ${cutFront(name, nameWidth, glyphs.ellipsis).padEnd(nameWidth)}  ${cells}`.trimEnd()
  const component = changingComponent(story.members)
  const usual = story.members.find((change) => component !== undefined && change.versions[component] !== undefined)?.versions[component ?? '']
  const lines = [row('step', labels(axis, stepLabels(rehearsal, numbers)))]
  const struck = story.faults.filter((fault) => fault.struck)
  if (struck.length > 0) lines.push(row('fault', labels(axis, struck.map((fault) => ({ atUs: fault.atUs, text: glyphs.strike })))))
  const shown = shownOf(names, about)
  for (const name of shown) {
    const states = histories.get(name) ?? []
    lines.push(row(name, cells(axis, states.map((state) => roleGlyph(state, screen)))))
    const versions = component === undefined ? [] : versionLabels(story.members, name, component)
    if (versions.some((version) => version.text !== usual)) lines.push(paintFor(screen).dim(row(`  ${component} version`, labels(axis, versions))))
  }
  const leaders = axis.atUs.map((_, i) => [...histories.values()].filter((states) => states[i]?.running === true && states[i]?.role === 'leader').length)
  if (leaders.some((n) => n !== 1)) lines.push(row('leaders', cells(axis, leaders.map((n) => String(Math.min(n, 9))))))
  lines.push(row('', clockLine(axis)))
  const legend = `${glyphs.leader} leads   ${glyphs.follower} follows   ${glyphs.neither} neither   ${glyphs.down} down   (time is not to scale)`
  lines.push(paintFor(screen).dim(`  ${legend}`))
  if (shown.length < names.length) lines.push(paintFor(screen).dim(`  and ${count(names.length - shown.length, 'more member')}; the page has them all`))
  return lines
}

/** Members that get a row, in their own order: all of a few; of many those that a text names, then the first others. */
export function shownOf(names: readonly string[], about: string): readonly string[] {
  if (names.length <= MEMBERS_SHOWN) return names
  const first = new Set([...new Set([...names.filter((name) => about.includes(name)), ...names])].slice(0, MEMBERS_SHOWN))
  return names.filter((name) => first.has(name))
}

/** Each member's row alone, `width` wide, for setting two rehearsals side by side; empty when the rehearsal was not recorded. */
export function compactStrip(rehearsal: RehearsalResult, screen: Screen, width: number): Map<string, string> {
  const members = rehearsal.story?.members ?? []
  if (members.length === 0) return new Map()
  const axis = layOut(rehearsal, width)
  const glyphOf = (name: string): string[] => axis.atUs.map((atUs, i) => roleGlyph(stateIn(members, name, atUs, axis.atUs[i + 1] ?? Number.POSITIVE_INFINITY), screen))
  return new Map([...new Set(members.map((change) => change.member))].map((name) => [name, cells(axis, glyphOf(name))]))
}

/** One column or more for each interval between events; events that would not fit are joined to their neighbour, shortest interval first. */
function layOut(rehearsal: RehearsalResult, width: number): Axis {
  const story = rehearsal.story
  const instants = [0, ...(story?.members.map((change) => change.atUs) ?? []), ...(story?.faults.map((fault) => fault.atUs) ?? []), ...rehearsal.steps.map((step) => step.startUs)]
  let atUs = [...new Set(instants.map((at) => Math.max(0, at)))].sort((a, b) => a - b)
  const endUs = Math.max(rehearsal.simulatedUs, (atUs.at(-1) ?? 0) + 1)
  const lengthOf = (i: number): number => (atUs[i + 1] ?? endUs) - (atUs[i] as number)
  while (atUs.length > Math.floor(width / 2)) {
    let shortest = 1
    for (let i = 2; i < atUs.length; i++) if (lengthOf(i - 1) < lengthOf(shortest - 1)) shortest = i
    atUs = atUs.filter((_, i) => i !== shortest)
  }
  const weights = atUs.map((_, i) => Math.sqrt(Math.sqrt(lengthOf(i))))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const spare = width - 2 * atUs.length
  let before = 0
  const column = weights.map((weight, i) => {
    const at = 2 * i + Math.floor((spare * before) / total)
    before += weight
    return at
  })
  return { atUs, column, width }
}

/** What a member was for the longest part of `[fromUs, toUs)`; a leader's turn, however short, is never hidden. */
function stateIn(changes: readonly MemberChange[], member: string, fromUs: number, toUs: number): MemberChange | undefined {
  let state: MemberChange | undefined
  let led: MemberChange | undefined
  for (const change of changes) {
    if (change.member !== member) continue
    if (change.atUs > fromUs && change.atUs >= toUs) break
    state = change
    if (change.atUs >= fromUs && change.running && change.role === 'leader') led = change
  }
  return led ?? state
}

function roleGlyph(state: MemberChange | undefined, screen: Screen): string {
  const { leader, follower, neither, down } = glyphsFor(screen)
  if (state === undefined) return ' '
  if (state.gone === true) return ' '
  if (!state.running) return down
  return state.role === 'leader' ? leader : state.role === 'follower' ? follower : neither
}

function cells(axis: Axis, glyphs: readonly string[]): string {
  return glyphs.map((glyph, i) => glyph.repeat((axis.column[i + 1] ?? axis.width) - (axis.column[i] as number))).join('')
}

/** Texts at their instants; one that would run into the text before it is left out. */
function labels(axis: Axis, texts: readonly { readonly atUs: number; readonly text: string }[]): string {
  let line = ''
  for (const { atUs, text } of texts) {
    let i = axis.atUs.findLastIndex((at) => at <= atUs)
    if (i < 0) i = 0
    const column = axis.column[i] as number
    if (line.length > 0 && column <= line.length) continue
    if (column + text.length > axis.width) continue
    line = line.padEnd(column) + text
  }
  return line
}

function stepLabels(rehearsal: RehearsalResult, numbers: ReadonlyMap<string, string>): { atUs: number; text: string }[] {
  return rehearsal.steps.map((step) => {
    const id = step.step.replace(/^undo of /, '')
    return { atUs: step.startUs, text: `${step.path === 'undo' ? 'u' : ''}${numbers.get(id) ?? id}` }
  })
}

/** The component whose version changes on some member: the most specific first. */
export function changingComponent(changes: readonly MemberChange[]): string | undefined {
  const components = [...new Set(changes.flatMap((change) => Object.keys(change.versions)))]
  const preferred = ['engine', 'image', 'node'].filter((each) => components.includes(each))
  const differs = (component: string): boolean => new Set(changes.map((change) => change.versions[component]).filter((version) => version !== undefined)).size > 1
  return [...preferred, ...components].find(differs)
}

function versionLabels(changes: readonly MemberChange[], member: string, component: string): { atUs: number; text: string }[] {
  const found: { atUs: number; text: string }[] = []
  for (const change of changes) {
    const text = change.versions[component]
    if (change.member === member && text !== undefined && text !== found.at(-1)?.text) found.push({ atUs: Math.max(0, change.atUs), text })
  }
  return found
}

function clockLine(axis: Axis): string {
  const last = axis.atUs.length - 1
  const instants = [...new Set([0, Math.floor(axis.atUs.length / 2), last])].map((i) => axis.atUs[i] as number)
  const short = instants.map((us) => formatClock(us).slice(0, -4))
  // Seconds are enough unless everything happens within one.
  const texts = new Set(short).size === short.length ? short : instants.map((us) => formatClock(us).slice(0, -2))
  return labels(axis, instants.map((atUs, i) => ({ atUs, text: texts[i] as string })))
}
