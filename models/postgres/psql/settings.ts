import { UnsupportedError } from '../../../src/operator/command.ts'

/** How results are printed: what `\pset` and `-P` set. Anything left out is psql's default. */
export interface PrintOptions {
  readonly format?: 'aligned' | 'unaligned' | 'csv'
  readonly border?: number
  readonly tuplesOnly?: boolean
  readonly expanded?: boolean
  readonly fieldSeparator?: string
  readonly recordSeparator?: string
  readonly csvSeparator?: string
  readonly nullText?: string
  readonly footer?: boolean
  readonly title?: string
}

const ON = /^(on|true|yes|1)$/i
const FORMATS = ['aligned', 'unaligned', 'csv'] as const
/** Options that change nothing in the model's output. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['pager', 'pager_min_lines', 'linestyle', 'columns', 'tableattr'])

/** Variables that change what psql does with transactions. @throws UnsupportedError where one is set otherwise than by default */
export function refuseVariable(name: string, value: string): void {
  const off = /^(?:off|false|no|0)$/i.test(value)
  if ((name === 'AUTOCOMMIT' && off) || (name === 'ON_ERROR_ROLLBACK' && !off)) throw new UnsupportedError(`psql's variable ${name} is modelled as it is by default alone`, ['AUTOCOMMIT on', 'ON_ERROR_ROLLBACK off', 'BEGIN, COMMIT, ROLLBACK'])
}

/** The options with one changed (toggled, if `value` is left out), or psql's complaint. @throws UnsupportedError for what is not modelled */
export function setPrintOption(options: PrintOptions, name: string, value: string | undefined): PrintOptions | string {
  const flag = (now: boolean | undefined): boolean => (value === undefined ? now !== true : ON.test(value))
  switch (name) {
    case 'format': {
      const format = FORMATS.find(candidate => value !== undefined && value !== '' && candidate.startsWith(value))
      if (format === undefined) throw new UnsupportedError(`psql's output format "${value ?? ''}" is not modelled`, FORMATS)
      return { ...options, format }
    }
    case 'border': return { ...options, border: Number.parseInt(value ?? '0', 10) || 0 }
    case 'tuples_only': case 't': return { ...options, tuplesOnly: flag(options.tuplesOnly) }
    case 'x': case 'expanded': case 'vertical':
      if (value === 'auto') throw new UnsupportedError('expanded=auto is not modelled', ['expanded=on', 'expanded=off'])
      return { ...options, expanded: flag(options.expanded) }
    case 'footer': return { ...options, footer: value === undefined ? options.footer === false : ON.test(value) }
    case 'fieldsep': return { ...options, fieldSeparator: value ?? '|' }
    case 'fieldsep_zero': return { ...options, fieldSeparator: '\0' }
    case 'recordsep': return { ...options, recordSeparator: value ?? '\n' }
    case 'recordsep_zero': return { ...options, recordSeparator: '\0' }
    case 'csv_fieldsep': return { ...options, csvSeparator: value ?? ',' }
    case 'null': return { ...options, nullText: value ?? '' }
    case 'title': case 'C': {
      const { title: _dropped, ...rest } = options
      return value === undefined || value === '' ? rest : { ...options, title: value }
    }
    default:
      return WITHOUT_EFFECT.has(name) ? options : `\\pset: unknown option: ${name}`
  }
}
