/**
 * Values of parameters: what they may be, and how the server shows them (rule PG-CONF-9). A number is kept in the parameter's own unit and shown in the largest that leaves it whole.
 * Source: PostgreSQL 15.18; guc.c parse_int, convert_to_base_unit, ShowGUCOption.
 */
import { PARAMETER_LINES } from './parameter-lines.ts'

export interface Parameter {
  readonly name: string
  /** Of its numbers: kB, 8kB, B, MB, ms, s, min; empty: they have none. */
  readonly unit: string
  readonly context: string
  readonly type: 'bool' | 'enum' | 'integer' | 'real' | 'string'
  readonly min: string
  readonly max: string
  /** As the official image has it, in its unit. */
  readonly value: string
  readonly values: readonly string[]
}

const TYPES: Readonly<Record<string, Parameter['type']>> = { b: 'bool', e: 'enum', i: 'integer', r: 'real', s: 'string' }

/** By lower-case name, in the order of pg_settings. */
export const PARAMETERS: ReadonlyMap<string, Parameter> = new Map(
  PARAMETER_LINES.trim().split('\n').map(line => {
    const [name = '', unit = '', context = '', type = '', min = '', max = '', value = '', values = ''] = line.split('|')
    return [name.toLowerCase(), { name, unit, context, type: TYPES[type] ?? 'string', min, max, value, values: values === '' ? [] : values.split(',') }] as const
  }),
)

/** Units by what they are in the smallest of their kind: bytes, or microseconds. */
const MEMORY: Readonly<Record<string, number>> = { B: 1, kB: 1024, '8kB': 8192, MB: 1_048_576, GB: 1_073_741_824, TB: 1_099_511_627_776 }
const TIME: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000, min: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 }

const unitsOf = (unit: string): Readonly<Record<string, number>> | undefined => (unit === '' ? undefined : MEMORY[unit] !== undefined ? MEMORY : TIME)

export interface WrongValue {
  readonly message: string
  readonly hint?: string
}

const invalid = (name: string, value: string, hint?: string): WrongValue => ({ message: `invalid value for parameter "${name}": "${value}"`, ...(hint === undefined ? {} : { hint }) })

/** A half goes to the even neighbour, as rint() has it. */
function rounded(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest < 0.5 ? below : rest > 0.5 ? below + 1 : below % 2 === 0 ? below : below + 1
}

const INTEGER_MOST = 2_147_483_647

/** A number of a parameter in its own unit, or what is wrong with it in the server's words. */
export function numberOf({ name, unit, type, min, max }: Parameter, value: string): number | WrongValue {
  const match = /^\s*([-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))\s*([A-Za-z]*)\s*$/.exec(value)
  const units = unitsOf(unit)
  if (match === null) return invalid(name, value)
  let number = Number(match[1])
  if (match[2] !== '') {
    const factor = units?.[match[2] as string]
    if (units === undefined) return invalid(name, value)
    if (factor === undefined || match[2] === '8kB') return invalid(name, value, units === MEMORY ? 'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".' : 'Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".')
    number = (number * factor) / (units[unit] as number)
  }
  if (type === 'integer') {
    number = rounded(number)
    if (number > INTEGER_MOST || number < -INTEGER_MOST - 1) return invalid(name, value, 'Value exceeds integer range.')
  }
  if ((min !== '' && number < Number(min)) || (max !== '' && number > Number(max))) return { message: `${number}${unit === '' ? '' : ` ${unit}`} is outside the valid range for parameter "${name}" (${min} .. ${max})` }
  return number
}

const TRUE = /^(?:on|t(?:r(?:u(?:e)?)?)?|y(?:e(?:s)?)?|1)$/i

/** What pg_settings calls `setting`: in the parameter's unit. A value that cannot be is left as it is. */
export function settingText(parameter: Parameter, value: string): string {
  if (parameter.type === 'bool') return TRUE.test(value) ? 'on' : 'off'
  if (parameter.type !== 'integer' && parameter.type !== 'real') return value
  const number = numberOf(parameter, value)
  return typeof number === 'number' ? String(number) : value
}

/** As SHOW prints a value that somebody set, or that the image has. */
export function shownText(name: string, value: string): string {
  const parameter = PARAMETERS.get(name.toLowerCase())
  if (parameter === undefined) return value
  const setting = settingText(parameter, value)
  const units = unitsOf(parameter.unit)
  const number = Number(setting)
  if (units === undefined || !(number > 0)) return setting
  const smallest = number * (units[parameter.unit] as number)
  // The largest unit that leaves it whole; pages are told in kB.
  const [unit, factor] = Object.entries(units).filter(([each, size]) => each !== '8kB' && Number.isInteger(smallest / size)).at(-1) ?? [parameter.unit, units[parameter.unit] as number]
  return `${smallest / factor}${unit}`
}
