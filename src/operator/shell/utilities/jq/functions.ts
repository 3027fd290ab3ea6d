import { exp, ln } from '../../../../kernel/index.ts'
import { cached } from '../../pattern.ts'
import { UnsupportedError } from '../options.ts'
import { instantOf } from '../date.ts'
import { civil, strftime } from '../strftime.ts'
import { JqError, type Json } from './syntax.ts'
import { add, compare, isList, isObject, shown, toText, typeOf } from './values.ts'

type Function = (input: Json, args: readonly Json[]) => Json

const text = (value: Json): string => (typeof value === 'string' ? value : toText(value, 0, false))

function needText(value: Json, what: string): string {
  if (typeof value !== 'string') throw new JqError(`${typeOf(value)} (${shown(value)}) ${what}`)
  return value
}

function list(value: Json): readonly Json[] {
  if (!isList(value)) throw new JqError(`${typeOf(value)} (${shown(value)}) cannot be sorted, as it is not an array`)
  return value
}

/** `@csv`, `@tsv`, … of a value. */
export function formatValue(name: string, value: Json): string {
  switch (name) {
    case 'text': return text(value)
    case 'json': return toText(value, 0, false)
    case 'csv': return list(value).map(v => (typeof v === 'string' ? `"${v.replaceAll('"', '""')}"` : v === null ? '' : text(v))).join(',')
    case 'tsv': return list(value).map(v => (typeof v === 'string' ? v.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r') : v === null ? '' : text(v))).join('\t')
    case 'html': return text(value).replace(/[<>&'"]/g, c => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', "'": '&#39;', '"': '&quot;' })[c] as string)
    case 'uri': return [...Buffer.from(text(value), 'utf8')].map(b => (/[A-Za-z0-9_.~-]/.test(String.fromCharCode(b)) ? String.fromCharCode(b) : `%${b.toString(16).toUpperCase().padStart(2, '0')}`)).join('')
    case 'sh': return (isList(value) ? value : [value]).map(v => (typeof v === 'string' ? `'${v.replaceAll("'", "'\\''")}'` : text(v))).join(' ')
    case 'base64': return Buffer.from(text(value), 'utf8').toString('base64')
    case 'base64d': return Buffer.from(text(value), 'base64').toString('utf8')
    default: throw new JqError({ __jq: `${name} is not a valid format` })
  }
}

function regexp(re: Json, flags: Json | undefined): { re: RegExp; global: boolean } {
  const given = typeof flags === 'string' ? flags : ''
  const source = needText(re, 'cannot be matched, as it is not a string')
  return { re: cached(source.replace(/\(\?<(\w+)>/g, '(?<$1>'), `d${given.includes('i') ? 'i' : ''}${given.includes('s') ? 's' : ''}${given.includes('x') ? '' : ''}g`), global: given.includes('g') }
}

interface Found {
  readonly offset: number
  readonly length: number
  readonly string: string
  readonly captures: readonly { readonly offset: number; readonly length: number; readonly string: string | null; readonly name: string | null }[]
}

/** Where an expression matches; all of them with the flag `g` or when asked. */
export function matches(input: Json, args: readonly Json[], all = false): Found[] {
  const [first, second] = isList(args[0] as Json) ? (args[0] as readonly Json[]) : args
  const source = needText(input, 'cannot be matched, as it is not a string')
  const { re, global } = regexp(first as Json, second)
  re.lastIndex = 0
  const found: Found[] = []
  const names = [...re.source.matchAll(/\((?!\?)|\(\?<(\w+)>/g)].map(m => m[1] ?? null)
  for (const m of source.matchAll(re)) {
    found.push({
      offset: m.index, length: m[0].length, string: m[0],
      captures: m.slice(1).map((c, i) => ({ offset: c === undefined ? -1 : (m.indices?.[i + 1]?.[0] ?? -1), length: c?.length ?? 0, string: c ?? null, name: names[i] ?? null })),
    })
    if (!global && !all) break
  }
  return found
}

function flatten(value: readonly Json[], depth: number): Json[] {
  return value.flatMap(v => (isList(v) && depth > 0 ? flatten(v, depth - 1) : [v]))
}

function contains(a: Json, b: Json): boolean {
  if (isObject(a) && isObject(b)) return Object.entries(b).every(([k, v]) => a[k] !== undefined && contains(a[k] as Json, v))
  if (isList(a) && isList(b)) return b.every(y => a.some(x => contains(x, y)))
  if (typeof a === 'string' && typeof b === 'string') return a.includes(b)
  if (typeOf(a) !== typeOf(b)) throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot have their containment checked`)
  return compare(a, b) === 0
}

const indices = (value: Json, wanted: Json): number[] => {
  if (typeof value === 'string' && typeof wanted === 'string') {
    const found: number[] = []
    for (let i = value.indexOf(wanted); i >= 0 && wanted !== ''; i = value.indexOf(wanted, i + 1)) found.push(i)
    return found
  }
  if (isList(value)) return isList(wanted) ? value.flatMap((_v, i) => (wanted.length > 0 && wanted.every((w, j) => i + j < value.length && compare(value[i + j] as Json, w) === 0) ? [i] : [])) : value.flatMap((v, i) => (compare(v, wanted) === 0 ? [i] : []))
  return []
}

const map = new Map<string, Function>()
const define = (name: string, arity: number, act: Function): void => void map.set(`${name}/${arity}`, act)

define('length', 0, v => {
  if (v === null) return 0
  if (typeof v === 'string') return [...v].length
  if (isList(v)) return v.length
  if (typeof v === 'number') return Math.abs(v)
  if (isObject(v)) return Object.keys(v).length
  throw new JqError(`boolean (${String(v)}) has no length`)
})
define('utf8bytelength', 0, v => Buffer.byteLength(text(v)))
define('keys', 0, v => {
  if (isList(v)) return v.map((_x, i) => i)
  if (isObject(v)) return Object.keys(v).sort()
  throw new JqError(`${typeOf(v)} (${shown(v)}) has no keys`)
})
define('keys_unsorted', 0, v => (isObject(v) ? Object.keys(v) : (map.get('keys/0') as Function)(v, [])))
define('values', 0, v => v)
define('has', 1, (v, [k]) => {
  if (isObject(v) && typeof k === 'string') return Object.hasOwn(v, k)
  if (isList(v) && typeof k === 'number') return k >= 0 && k < v.length
  throw new JqError(`Cannot check whether ${typeOf(v)} has a ${typeof k === 'string' ? 'string' : typeOf(k as Json)} key`)
})
define('in', 1, (k, [v]) => (isObject(v as Json) ? Object.hasOwn(v as object, String(k)) : (k as number) < (v as readonly Json[]).length))
define('contains', 1, (v, [b]) => contains(v, b as Json))
define('inside', 1, (v, [b]) => contains(b as Json, v))
define('add', 0, v => (isList(v) ? v : Object.values(v as object)).reduce<Json>((sum, x) => add(sum, x as Json), null))
define('type', 0, v => typeOf(v))
define('tostring', 0, v => text(v))
define('tonumber', 0, v => {
  if (typeof v === 'number') return v
  if (typeof v !== 'string') throw new JqError(`${typeOf(v)} (${shown(v)}) cannot be parsed as a number`)
  if (v.trim() === '' || Number.isNaN(Number(v))) throw new JqError(`Invalid numeric literal at EOF at line 1, column ${v.length} (while parsing '${v}')`)
  return Number(v)
})
define('tojson', 0, v => toText(v, 0, false))
define('fromjson', 0, v => {
  try {
    return JSON.parse(needText(v, 'only strings can be parsed')) as Json
  } catch (error) {
    if (error instanceof JqError) throw error
    throw new JqError(`${String(v)} (while parsing '${String(v)}')`)
  }
})
define('ascii_downcase', 0, v => needText(v, 'cannot be lowercased').replace(/[A-Z]/g, c => c.toLowerCase()))
define('ascii_upcase', 0, v => needText(v, 'cannot be uppercased').replace(/[a-z]/g, c => c.toUpperCase()))
define('startswith', 1, (v, [p]) => {
  if (typeof v !== 'string' || typeof p !== 'string') throw new JqError('startswith() requires string inputs')
  return v.startsWith(p)
})
define('endswith', 1, (v, [p]) => {
  if (typeof v !== 'string' || typeof p !== 'string') throw new JqError('endswith() requires string inputs')
  return v.endsWith(p)
})
define('ltrimstr', 1, (v, [p]) => (typeof v === 'string' && typeof p === 'string' && v.startsWith(p) ? v.slice(p.length) : v))
define('rtrimstr', 1, (v, [p]) => (typeof v === 'string' && typeof p === 'string' && p !== '' && v.endsWith(p) ? v.slice(0, -p.length) : v))
define('trim', 0, v => needText(v, 'cannot be trimmed').trim())
define('ltrim', 0, v => needText(v, 'cannot be trimmed').trimStart())
define('rtrim', 0, v => needText(v, 'cannot be trimmed').trimEnd())
define('explode', 0, v => [...needText(v, 'cannot be exploded')].map(c => c.codePointAt(0) as number))
define('implode', 0, v => list(v).map(c => String.fromCodePoint(c as number)).join(''))
define('split', 1, (v, [s]) => {
  if (typeof v !== 'string' || typeof s !== 'string') throw new JqError('split input and separator must be strings')
  return v === '' ? [] : v.split(s)
})
define('split', 2, (v, [s, flags]) => needText(v, 'cannot be matched, as it is not a string').split(cached((s as string).replace(/\((?!\?)/g, '(?:'), typeof flags === 'string' ? flags.replace('g', '') : '')))
define('join', 1, (v, [s]) => list(v).reduce<string>((out, x, i) => {
  if (isList(x) || isObject(x)) throw new JqError(`${i === 0 ? 'null (null)' : `string (${shown(out)})`} and ${typeOf(x)} (${shown(x)}) cannot be added`)
  return (i === 0 ? '' : out + String(s)) + (x === null ? '' : text(x))
}, ''))
define('test', 1, (v, args) => matches(v, args).length > 0)
define('test', 2, (v, args) => matches(v, args).length > 0)
define('ascii', 0, v => String.fromCharCode(v as number))
for (const [name, act] of [['floor', Math.floor], ['ceil', Math.ceil], ['round', Math.round], ['sqrt', Math.sqrt], ['fabs', Math.abs], ['trunc', Math.trunc]] as const) {
  define(name, 0, v => {
    if (typeof v !== 'number') throw new JqError(`${typeOf(v)} (${shown(v)}) number required`)
    return act(v)
  })
}
define('log', 0, v => ln(v as number))
define('exp', 0, v => exp(v as number))
define('pow', 2, (_v, [a, b]) => (Number.isInteger(b) && Math.abs(b as number) < 1_000 ? Array.from({ length: Math.abs(b as number) }).reduce<number>(p => p * (a as number), 1) : exp((b as number) * ln(a as number))))
define('infinite', 0, () => Number.POSITIVE_INFINITY)
define('nan', 0, () => Number.NaN)
define('isnan', 0, v => Number.isNaN(v))
define('isinfinite', 0, v => v === Number.POSITIVE_INFINITY || v === Number.NEGATIVE_INFINITY)
define('sort', 0, v => [...list(v)].sort(compare))
define('unique', 0, v => [...list(v)].sort(compare).filter((x, i, all) => i === 0 || compare(x, all[i - 1] as Json) !== 0))
define('reverse', 0, v => (typeof v === 'string' ? [...v].reverse().join('') : v === null ? [] : [...list(v)].reverse()))
define('min', 0, v => [...list(v)].sort(compare)[0] ?? null)
define('max', 0, v => [...list(v)].sort(compare)[list(v).length - 1] ?? null)
define('flatten', 0, v => flatten(list(v), Number.POSITIVE_INFINITY))
define('flatten', 1, (v, [d]) => flatten(list(v), d as number))
define('first', 0, v => list(v)[0] ?? null)
define('last', 0, v => list(v)[list(v).length - 1] ?? null)
define('nth', 1, (v, [n]) => list(v)[n as number] ?? null)
define('index', 1, (v, [w]) => indices(v, w as Json)[0] ?? null)
define('rindex', 1, (v, [w]) => indices(v, w as Json).pop() ?? null)
define('indices', 1, (v, [w]) => (v === null ? null : indices(v, w as Json)))
define('from_entries', 0, v => Object.fromEntries(list(v).map(e => {
  const entry = e as Record<string, Json>
  const key = entry['key'] ?? entry['k'] ?? entry['name'] ?? entry['Name'] ?? entry['Key'] ?? null
  return [typeof key === 'string' ? key : key === null ? 'null' : text(key), entry['value'] ?? entry['v'] ?? entry['Value'] ?? null]
})))
define('transpose', 0, v => Array.from({ length: Math.max(0, ...list(v).map(r => list(r).length)) }, (_x, i) => list(v).map(r => list(r)[i] ?? null)))
define('tojson', 0, v => toText(v, 0, false))
define('todate', 0, v => strftime('%Y-%m-%dT%H:%M:%SZ', Math.floor(v as number), 0))
define('fromdate', 0, v => secondsOf(v))
define('fromdateiso8601', 0, v => secondsOf(v))
define('todateiso8601', 0, v => strftime('%Y-%m-%dT%H:%M:%SZ', Math.floor(v as number), 0))
define('strftime', 1, (v, [f]) => strftime(f as string, typeof v === 'number' ? Math.floor(v) : secondsOf(v), 0))
define('gmtime', 0, v => {
  const t = civil(v as number)
  return [t.year, t.month - 1, t.day, t.hour, t.minute, t.second, t.weekday, t.yearday - 1]
})
define('splits', 1, () => {
  throw new UnsupportedError('jq’s `splits`', ['split(SEPARATOR)'])
})
define('walk', 1, () => {
  throw new UnsupportedError('jq’s `walk`', ['recurse', 'map_values'])
})

/** The value of `2023-11-14T22:13:20Z` in seconds. */
function secondsOf(value: Json): number {
  const source = needText(value, 'cannot be parsed as a date')
  const seconds = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(source) ? instantOf(source, 0) : undefined
  if (seconds === undefined) throw new JqError(`date "${source}" does not match format "%Y-%m-%dT%H:%M:%SZ"`)
  return seconds
}

for (const name of ['sub', 'gsub']) {
  for (const arity of [2, 3]) {
    define(name, arity, (v, [re, by, flags]) => {
      if (typeof by !== 'string') throw new JqError(`${typeOf(v)} (${shown(v)}) cannot be added to a string`)
      const source = needText(v, 'cannot be matched, as it is not a string')
      const wanted = regexp(re as Json, flags).re
      wanted.lastIndex = 0
      let done = false
      return source.replace(wanted, found => {
        if (name === 'sub' && done && !(typeof flags === 'string' && flags.includes('g'))) return found
        done = true
        return by
      })
    })
  }
}

/** Functions of a value and of the values of their arguments, by `name/arity`. */
export const FUNCTIONS: ReadonlyMap<string, Function> = map
