/** What psql says by itself, and the branches of its conditions. */
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { PrintOptions } from './settings.ts'

/** A branch of `\if`. */
export type Branch = {
  active: boolean
  /** A branch of it has been taken, or none may be. */
  over: boolean
  /** Its \\else has come. */
  last: boolean
}

export const isCondition = (name: string): boolean => name === 'if' || name === 'elif' || name === 'else' || name === 'endif'

/** `\\timing`: with minutes and seconds from a second on. What psql itself takes is next to nothing. */
export function timing(us: number): string {
  const ms = us / 1000 + 0.2
  const seconds = Math.floor(ms / 1000)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `Time: ${ms.toFixed(3)} ms${ms < 1000 ? '' : ` (${two(Math.floor(seconds / 60))}:${two(seconds % 60)}.${String(Math.floor(ms % 1000)).padStart(3, '0')})`}\n`
}

const onOff = (value: boolean | undefined): string => (value === true ? 'on' : 'off')

/** What psql says after a print option was changed. */
export function announcement(option: string, print: PrintOptions): string {
  switch (option) {
    case 'expanded': case 'x': case 'vertical': return `Expanded display is ${onOff(print.expanded)}.\n`
    case 'tuples_only': case 't': return `Tuples only is ${onOff(print.tuplesOnly)}.\n`
    case 'format': return `Output format is ${print.format ?? 'aligned'}.\n`
    case 'fieldsep': return `Field separator is "${print.fieldSeparator ?? '|'}".\n`
    case 'border': return `Border style is ${print.border ?? 1}.\n`
    case 'null': return `Null display is "${print.nullText ?? ''}".\n`
    case 'footer': return `Default footer is ${onOff(print.footer !== false)}.\n`
    case 'pager': return 'Pager usage is off.\n'
    default: throw new UnsupportedError(`\\pset ${option} is not modelled`, ['expanded', 'tuples_only', 'format', 'fieldsep', 'border', 'null', 'footer', 'pager'])
  }
}
