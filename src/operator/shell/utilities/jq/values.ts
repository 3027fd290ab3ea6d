import { JqError, type Json, type JsonObject } from './syntax.ts'

const ORDER = ['null', 'false', 'true', 'number', 'string', 'array', 'object']

export function typeOf(value: Json): 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object' {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value as 'boolean' | 'number' | 'string' | 'object'
}

export const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
export const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

/** jq's order of all values: null, false, true, numbers, strings, arrays, objects. */
export function compare(a: Json, b: Json): number {
  const rank = (v: Json): number => ORDER.indexOf(typeof v === 'boolean' ? String(v) : typeOf(v))
  const order = rank(a) - rank(b)
  if (order !== 0) return order
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  if (isList(a) && isList(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const each = compare(a[i] as Json, b[i] as Json)
      if (each !== 0) return each
    }
    return a.length - b.length
  }
  if (isObject(a) && isObject(b)) {
    const keys = [Object.keys(a).sort(), Object.keys(b).sort()] as const
    const byKeys = compare(keys[0], keys[1])
    if (byKeys !== 0) return byKeys
    for (const key of keys[0]) {
      const each = compare(a[key] as Json, b[key] as Json)
      if (each !== 0) return each
    }
  }
  return 0
}

/** A value as jq shows it in an error. */
export function shown(value: Json): string {
  const text = JSON.stringify(value)
  return text.length > 11 ? `${text.slice(0, 10)}...` : text
}

export function numberText(n: number): string {
  if (Number.isNaN(n)) return 'null'
  if (!Number.isFinite(n)) return n > 0 ? '1.7976931348623157e+308' : '-1.7976931348623157e+308'
  const text = String(n)
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

/** JSON text; `indent` 0 is the compact form. */
export function toText(value: Json, indent: number | '\t', sorted: boolean, level = 0): string {
  if (typeof value === 'number') return numberText(value)
  if (!isList(value) && !isObject(value)) return JSON.stringify(value).replace(/\x7f/g, '\\u007f')
  const pad = indent === '\t' ? '\t' : ' '.repeat(indent)
  const line = indent === 0 ? '' : `\n${pad.repeat(level + 1)}`
  const close = indent === 0 ? '' : `\n${pad.repeat(level)}`
  if (isList(value)) return value.length === 0 ? '[]' : `[${value.map(v => line + toText(v, indent, sorted, level + 1)).join(',')}${close}]`
  const keys = sorted ? Object.keys(value).sort() : Object.keys(value)
  if (keys.length === 0) return '{}'
  return `{${keys.map(k => `${line}${JSON.stringify(k)}:${indent === 0 ? '' : ' '}${toText(value[k] as Json, indent, sorted, level + 1)}`).join(',')}${close}}`
}

export function add(a: Json, b: Json): Json {
  if (a === null) return b
  if (b === null) return a
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (typeof a === 'string' && typeof b === 'string') return a + b
  if (isList(a) && isList(b)) return [...a, ...b]
  if (isObject(a) && isObject(b)) return { ...a, ...b }
  throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be added`)
}

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...a }
  for (const [k, v] of Object.entries(b)) {
    const before = merged[k]
    merged[k] = before !== undefined && isObject(before) && isObject(v) ? merge(before, v) : v
  }
  return merged
}

export function arithmetic(operator: string, a: Json, b: Json): Json {
  switch (operator) {
    case '+': return add(a, b)
    case '-':
      if (typeof a === 'number' && typeof b === 'number') return a - b
      if (isList(a) && isList(b)) return a.filter(x => !b.some(y => compare(x, y) === 0))
      throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be subtracted`)
    case '*':
      if (typeof a === 'number' && typeof b === 'number') return a * b
      if (typeof a === 'string' && typeof b === 'number') return b <= 0 ? null : a.repeat(Math.min(100_000, Math.max(1, Math.floor(b))))
      if (isObject(a) && isObject(b)) return merge(a, b)
      throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be multiplied`)
    case '/':
      if (typeof a === 'number' && typeof b === 'number') {
        if (b === 0) throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be divided because the divisor is zero`)
        return a / b
      }
      if (typeof a === 'string' && typeof b === 'string') return a === '' ? [] : a.split(b)
      throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be divided`)
    case '%':
      if (typeof a === 'number' && typeof b === 'number') {
        if (Math.trunc(b) === 0) throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be divided because the divisor is zero`)
        return Math.trunc(a) % Math.abs(Math.trunc(b))
      }
      throw new JqError(`${typeOf(a)} (${shown(a)}) and ${typeOf(b)} (${shown(b)}) cannot be divided`)
    case '==': return compare(a, b) === 0
    case '!=': return compare(a, b) !== 0
    case '<': return compare(a, b) < 0
    case '<=': return compare(a, b) <= 0
    case '>': return compare(a, b) > 0
    default: return compare(a, b) >= 0
  }
}

/** `.[key]` */
export function at(value: Json, key: Json): Json {
  if (value === null && (key === null || typeof key === 'string' || typeof key === 'number' || isObject(key))) return null
  if (isObject(value) && typeof key === 'string') return Object.hasOwn(value, key) ? (value[key] as Json) : null
  if (isList(value) && typeof key === 'number') return value[key < 0 ? value.length + Math.floor(key) : Math.floor(key)] ?? null
  if (isList(value) && isList(key)) return value.flatMap((_v, i) => (key.length > 0 && key.every((k, j) => compare(value[i + j] ?? null, k) === 0) && i + key.length <= value.length ? [i] : []))
  if (typeof key === 'string') throw new JqError(`Cannot index ${typeOf(value)} with string "${key}"`)
  throw new JqError(`Cannot index ${typeOf(value)} with ${typeOf(key)}`)
}

/** A value with another at a path. */
export function setAt(value: Json, path: readonly Json[], to: (old: Json) => Json): Json {
  if (path.length === 0) return to(value)
  const [key, ...rest] = path as [Json, ...Json[]]
  if (isObject(key) && ('start' in key || 'end' in key)) {
    const list = value === null ? [] : (value as readonly Json[])
    const [from, end] = bounds(list.length, key['start'] as number | null, key['end'] as number | null)
    const inner = setAt(list.slice(from, end), rest, to)
    return [...list.slice(0, from), ...(inner as readonly Json[]), ...list.slice(end)]
  }
  if (typeof key === 'number') {
    if (value !== null && !isList(value)) throw new JqError(`Cannot index ${typeOf(value)} with number`)
    const list = value === null ? [] : [...value]
    const i = key < 0 ? list.length + key : key
    if (i < 0) throw new JqError('Out of bounds negative array index')
    while (list.length < i) list.push(null)
    list[i] = setAt(list[i] ?? null, rest, to)
    return list
  }
  if (value !== null && !isObject(value)) throw new JqError(`Cannot index ${typeOf(value)} with "${String(key)}"`)
  return { ...(value ?? {}), [String(key)]: setAt(value === null ? null : (value[String(key)] ?? null), rest, to) }
}

export function deleteAt(value: Json, path: readonly Json[]): Json {
  const key = path[0] as Json
  if (value === null) return null
  if (path.length === 1) {
    if (isList(value) && typeof key === 'number') return value.filter((_v, i) => i !== (key < 0 ? value.length + key : key))
    if (isObject(value) && typeof key === 'string') return Object.fromEntries(Object.entries(value).filter(([k]) => k !== key))
    if (isList(value) && isObject(key)) {
      const [from, end] = bounds(value.length, key['start'] as number | null, key['end'] as number | null)
      return [...value.slice(0, from), ...value.slice(end)]
    }
    throw new JqError(`Cannot delete field at ${typeOf(value)} index of ${typeOf(key)}`)
  }
  const inner = at(value, key)
  return inner === null ? value : setAt(value, [key], () => deleteAt(inner, path.slice(1)))
}

export function bounds(length: number, from: number | null, to: number | null): [number, number] {
  const clamp = (n: number): number => Math.max(0, Math.min(length, n < 0 ? length + n : n))
  const start = clamp(Math.floor(from ?? 0))
  return [start, Math.max(start, clamp(Math.ceil(to ?? length)))]
}

/** sort_by, group_by, unique_by, min_by, max_by */
export function byKey(name: string, value: Json, key: (v: Json) => Json): Json {
  if (!isList(value)) throw new JqError(`Cannot index ${typeOf(value)} with number`)
  const keyed = value.map((v, i) => ({ v, key: key(v), i })).sort((a, b) => compare(a.key, b.key) || a.i - b.i)
  if (name === 'sort_by') return keyed.map(k => k.v)
  if (name === 'min_by') return keyed[0]?.v ?? null
  if (name === 'max_by') return keyed[keyed.length - 1]?.v ?? null
  const groups: { key: Json; list: Json[] }[] = []
  for (const k of keyed) {
    const last = groups[groups.length - 1]
    if (last !== undefined && compare(last.key, k.key) === 0) last.list.push(k.v)
    else groups.push({ key: k.key, list: [k.v] })
  }
  return name === 'group_by' ? groups.map(g => g.list) : groups.map(g => g.list[0] as Json)
}
