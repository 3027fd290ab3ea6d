/** A shell script as it went: each line that did something, what it printed, how it ended, and whether the script looked at that. */
import type { LineRecord, RehearsalResult } from '../result.ts'
import { cut } from './text.ts'

/** All that one line did, its passes together. */
export interface ScriptLine {
  /** `L12`, or `b.sh:12`. */
  readonly line: string
  /** As written. */
  readonly text: string
  readonly startUs: number
  readonly tookUs: number
  /** How often it was run. */
  readonly passes: number
  /** What it printed, how it ended, who looked; the gravest first. */
  readonly remarks: readonly string[]
}

/** What a remark about a failure says that nothing saw. */
export const UNSEEN = 'and nothing looked at it'

const TEXT_MOST = 160
const REMARKS_MOST = 3
const TESTS = new Set(['[', 'test', '[[', '(('])
const SILENT = new Set(['echo', 'printf', ':', 'true', 'set', 'shopt', 'export', 'readonly', 'local', 'declare', 'shift', 'cd', 'trap', 'return', 'source', '.', 'date', 'cat', 'tee'])

/** The lines of a recorded script in the order of its text; none of a runbook of steps. */
export function scriptLines(rehearsal: RehearsalResult): ScriptLine[] {
  const lines = new Map<string, LineRecord[]>()
  for (const record of rehearsal.story?.lines ?? []) {
    const of = lines.get(record.line)
    if (of === undefined) lines.set(record.line, [record])
    else of.push(record)
  }
  const files = [...new Set([...lines.keys()].map(fileOf))]
  return [...lines].map(([line, records]) => scriptLine(line, records)).filter((line) => line !== undefined).sort((a, b) => files.indexOf(fileOf(a.line)) - files.indexOf(fileOf(b.line)) || numberOf(a.line) - numberOf(b.line))
}

const fileOf = (line: string): string => line.replace(/L?\d+$/, '')
const numberOf = (line: string): number => Number(/\d+$/.exec(line)?.[0] ?? 0)

/** Undefined for a line of which there is nothing to tell: `echo done`, `x=1`. */
function scriptLine(line: string, records: readonly LineRecord[]): ScriptLine | undefined {
  const told = records.filter(isTelling)
  if (told.length === 0) return undefined
  const often = new Map<string, number>()
  for (const record of records) often.set(record.command, (often.get(record.command) ?? 0) + 1)
  const passes = Math.max(...often.values())
  return {
    line,
    text: records[0]?.text.replace(/\s+/g, ' ') ?? '',
    startUs: Math.min(...records.map(({ atUs }) => atUs)),
    tookUs: tookOf(records),
    passes,
    remarks: remarksOf(told, passes),
  }
}

/** Nested and overlapping commands count once. */
function tookOf(records: readonly LineRecord[]): number {
  let untilUs = Number.NEGATIVE_INFINITY
  let tookUs = 0
  for (const { atUs, endUs } of records.toSorted((a, b) => a.atUs - b.atUs)) {
    tookUs += Math.max(0, endUs - Math.max(atUs, untilUs))
    untilUs = Math.max(untilUs, endUs)
  }
  return tookUs
}

const nameOf = ({ argv, command }: LineRecord): string => argv[0] ?? (/^(?:\[\[|\(\()/.exec(command)?.[0] ?? '')
const isTest = (record: LineRecord): boolean => TESTS.has(nameOf(record)) || (record.argv.length === 0 && Object.keys(record.assigned).length === 0)
const isTelling = (record: LineRecord): boolean => record.status !== 0 || record.endUs > record.atUs || isTest(record) || record.readBy === 'condition' || (!SILENT.has(nameOf(record)) && `${record.out}${record.err}` !== '')
/** A test that says no has not failed. */
const isFailure = (record: LineRecord): boolean => (isTest(record) ? record.status > 1 : record.status !== 0)

function remarksOf(records: readonly LineRecord[], passes: number): string[] {
  const failures = records.filter(isFailure)
  // An assignment tells the failure of what is in it only if that said nothing.
  const own = failures.filter((record) => record.argv.length > 0 || isTest(record) || !failures.some((other) => other !== record && other.argv.length > 0 && other.status === record.status))
  const tests = records.filter((record) => isTest(record) && !isFailure(record)).map(({ status }) => (status === 0 ? 'true' : 'false'))
  const values = records.flatMap(({ assigned, argv, endUs, atUs }) => (argv.length > 0 && endUs === atUs ? [] : Object.entries(assigned).map(([name, value]) => `${name}=${quoted(value)}`)))
  const printed = records.filter((record) => record.outputTo === 'terminal' && !isFailure(record) && !isTest(record) && !SILENT.has(nameOf(record))).flatMap(printedBy)
  const words = [counted(own.map(failureWords), passes), counted(tests, passes), last(values, passes), last(printed, passes)]
  return words.flat().slice(0, REMARKS_MOST)
}

function failureWords(record: LineRecord): string {
  const { status, readBy, err, out, outputTo } = record
  const said = firstLine(err) || (isTest(record) ? '' : firstLine(out))
  const name = nameOf(record)
  const what = isTest(record) ? `error, status ${status}${readBy === 'condition' ? ': neither true nor false, and the other branch is taken' : ''}` : `${name === '' ? '' : `${name}: `}exit ${status}`
  const who = { condition: isTest(record) ? '' : ', looked at', errexit: ', and set -e ended it', trap: ', trapped', '$?': ', looked at by $?', end: '' }
  const seen = readBy === null ? `, ${UNSEEN}` : who[readBy]
  return `${what}${seen}${outputTo === 'nowhere' && said === '' ? ' (its output was thrown away)' : ''}${said === '' ? '' : `: ${said}`}`
}

function printedBy({ out, err }: LineRecord): string[] {
  const text = firstLine(out) || firstLine(err)
  const more = (out.trim() || err.trim()).split('\n').length - 1
  return text === '' ? [] : [`printed ${text}${more > 0 ? ` (and ${more} more line${more === 1 ? '' : 's'})` : ''}`]
}

/** Each remark once, with how often it was so where that is not always. */
function counted(remarks: readonly string[], passes: number): string[] {
  return [...new Set(remarks)].map((remark) => {
    const n = remarks.filter((other) => other === remark).length
    return passes === 1 || n === 0 ? remark : `${remark} (${n >= passes ? 'each time' : `${n} of ${passes} times`})`
  })
}

/** Of values only the last. */
function last(remarks: readonly string[], passes: number): string[] {
  const remark = remarks.at(-1)
  return remark === undefined ? [] : [passes > 1 ? `${remark}, at last` : remark]
}

const quoted = (value: string): string => (/^[\w.:/-]+$/.test(value) ? value : `'${cut(firstLine(value), TEXT_MOST, '…')}${value.trim().includes('\n') ? '…' : ''}'`)
const firstLine = (text: string): string => cut(text.trim().split('\n')[0]?.replace(/\t/g, ' ') ?? '', TEXT_MOST, '…')
