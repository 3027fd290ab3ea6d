import { UnsupportedError } from '../options.ts'
import { FUNCTIONS, formatValue, matches } from './functions.ts'
import { type Filter, JqError, type Json, type Pattern } from './syntax.ts'
import { add, arithmetic, at, bounds, byKey, compare, deleteAt, isList, isObject, setAt, shown, typeOf } from './values.ts'

/** A value, and where in the input it stands while paths are asked for. */
export interface Item {
  readonly value: Json
  readonly path: readonly Json[] | undefined
}

interface Closure {
  readonly parameters: readonly string[]
  readonly body: Filter
  readonly scope: Scope
}

/** Names in force: variables and functions; a chain. */
export interface Scope {
  readonly variable?: { readonly name: string; readonly value: Json }
  readonly closure?: { readonly name: string; readonly arity: number; readonly is: Closure | { readonly filter: Filter; readonly scope: Scope } }
  readonly outer: Scope | undefined
  readonly machine: Machine
}

export interface Machine {
  readonly nowSeconds: number
  readonly env: Readonly<Record<string, string>>
  next(): Json | undefined
  steps: number
}

class Break extends Error {
  constructor(readonly label: object) {
    super('break')
  }
}

const MOST_STEPS = 2_000_000
const isTrue = (v: Json): boolean => v !== null && v !== false
const item = (value: Json): Item => ({ value, path: undefined })

/** The outputs of a filter for an input. @throws JqError, UnsupportedError */
export function* values(filter: Filter, value: Json, scope: Scope): Generator<Json> {
  for (const out of run(filter, item(value), scope)) yield out.value
}

/** Counts what a program does, so that one that never ends, or makes millions of values, is refused by name. @throws UnsupportedError */
function tick(scope: Scope, steps: number): void {
  scope.machine.steps += steps
  if (scope.machine.steps > MOST_STEPS) throw new UnsupportedError('a jq filter that never ends', [`up to ${MOST_STEPS} steps`])
}

function* run(f: Filter, input: Item, scope: Scope): Generator<Item> {
  tick(scope, 1)
  switch (f.is) {
    case 'identity':
      yield input
      return
    case 'recurse':
      yield* recurse(input)
      return
    case 'literal':
      yield item(f.value)
      return
    case 'text':
      for (const text of texts(f.parts, 0, input, scope, f.format)) yield item(text)
      return
    case 'format':
      yield item(formatValue(f.name, input.value))
      return
    case 'index':
      for (const by of run(f.by, item(input.value), scope)) for (const of of run(f.of, input, scope)) yield { value: at(of.value, by.value), path: of.path === undefined ? undefined : [...of.path, by.value] }
      return
    case 'slice':
      yield* slice(f, input, scope)
      return
    case 'each':
      for (const of of run(f.of, input, scope)) yield* each(of)
      return
    case 'try':
      yield* attempt(f, input, scope)
      return
    case 'pipe':
      for (const left of run(f.left, input, scope)) yield* run(f.right, left, scope)
      return
    case 'comma':
      yield* run(f.left, input, scope)
      yield* run(f.right, input, scope)
      return
    case 'alternative': {
      let found = false
      try {
        for (const left of run(f.left, input, scope)) {
          if (!isTrue(left.value)) continue
          found = true
          yield left
        }
      } catch (error) {
        if (!(error instanceof JqError)) throw error
      }
      if (!found) yield* run(f.right, input, scope)
      return
    }
    case 'and':
    case 'or':
      for (const left of values(f.left, input.value, scope)) {
        if (isTrue(left) === (f.is === 'or')) yield item(f.is === 'or')
        else for (const right of values(f.right, input.value, scope)) yield item(isTrue(right))
      }
      return
    case 'binary':
      for (const right of values(f.right, input.value, scope)) for (const left of values(f.left, input.value, scope)) yield item(arithmetic(f.operator, left, right))
      return
    case 'negate':
      for (const of of values(f.of, input.value, scope)) {
        if (typeof of !== 'number') throw new JqError(`${typeOf(of)} (${shown(of)}) cannot be negated`)
        yield item(-of)
      }
      return
    case 'update':
      yield* update(f, input, scope)
      return
    case 'array':
      yield item(f.of === undefined ? [] : [...values(f.of, input.value, scope)])
      return
    case 'object':
      for (const made of objects(f.entries, 0, {}, input, scope)) yield item(made)
      return
    case 'if':
      for (const test of values(f.test, input.value, scope)) {
        if (isTrue(test)) yield* run(f.yes, input, scope)
        else if (f.no === undefined) yield input
        else yield* run(f.no, input, scope)
      }
      return
    case 'reduce': {
      for (const first of values(f.first, input.value, scope)) {
        let state: Json = first
        for (const each of values(f.source, input.value, scope)) {
          for (const inner of bind(f.pattern, each, input, scope)) {
            let last: Json = null
            for (const next of values(f.next, state, inner)) last = next
            state = last
          }
        }
        yield item(state)
      }
      return
    }
    case 'foreach':
      for (const first of values(f.first, input.value, scope)) {
        let state: Json = first
        for (const each of values(f.source, input.value, scope)) {
          for (const inner of bind(f.pattern, each, input, scope)) {
            for (const next of values(f.next, state, inner)) {
              state = next
              if (f.emit === undefined) yield item(state)
              else yield* run(f.emit, item(state), inner)
            }
          }
        }
      }
      return
    case 'as':
      for (const each of values(f.source, input.value, scope)) for (const inner of bind(f.patterns[0] as Pattern, each, input, scope)) yield* run(f.body, input, inner)
      return
    case 'variable':
      yield item(variable(f.name, scope))
      return
    case 'define': {
      const closure: Closure = { parameters: f.parameters, body: f.body, scope }
      yield* run(f.rest, input, { closure: { name: f.name, arity: f.parameters.length, is: closure }, outer: scope, machine: scope.machine })
      return
    }
    case 'label': {
      const label = {}
      try {
        yield* run(f.body, input, { variable: { name: `*label-${f.name}`, value: null }, outer: { variable: { name: `*${f.name}`, value: label as Json }, outer: scope, machine: scope.machine }, machine: scope.machine })
      } catch (error) {
        if (!(error instanceof Break) || error.label !== label) throw error
      }
      return
    }
    case 'break':
      throw new Break(variable(`*${f.name}`, scope) as unknown as object)
    case 'call':
      yield* call(f, input, scope)
  }
}

function* recurse(input: Item): Generator<Item> {
  yield input
  if (isList(input.value) || isObject(input.value)) for (const inner of each(input)) yield* recurse(inner)
}

function* each(of: Item): Generator<Item> {
  if (isList(of.value)) {
    for (let i = 0; i < of.value.length; i++) yield { value: of.value[i] as Json, path: of.path === undefined ? undefined : [...of.path, i] }
  } else if (isObject(of.value)) {
    for (const key of Object.keys(of.value)) yield { value: of.value[key] as Json, path: of.path === undefined ? undefined : [...of.path, key] }
  } else throw new JqError(`Cannot iterate over ${typeOf(of.value)}${of.value === null ? '' : ` (${shown(of.value)})`}`)
}

function* slice(f: Extract<Filter, { is: 'slice' }>, input: Item, scope: Scope): Generator<Item> {
  const ends = function* (end: Filter | undefined): Generator<Json> {
    if (end === undefined) yield null
    else yield* values(end, input.value, scope)
  }
  for (const to of ends(f.to)) {
    for (const from of ends(f.from)) {
      for (const of of run(f.of, input, scope)) {
        const path = of.path === undefined ? undefined : [...of.path, { start: from, end: to }]
        if (of.value === null) yield { value: null, path }
        else if (typeof of.value === 'string' || isList(of.value)) {
          const [a, b] = bounds(of.value.length, from as number | null, to as number | null)
          yield { value: of.value.slice(a, b), path }
        } else throw new JqError(`Cannot index ${typeOf(of.value)} with object`)
      }
    }
  }
}

function* attempt(f: Extract<Filter, { is: 'try' }>, input: Item, scope: Scope): Generator<Item> {
  try {
    yield* run(f.body, input, scope)
  } catch (error) {
    if (!(error instanceof JqError)) throw error
    if (error.value !== null && isObject(error.value) && error.value['__jq'] !== undefined) throw new Break(error)
    if (f.otherwise !== undefined) yield* run(f.otherwise, item(error.value), scope)
  }
}

function* texts(parts: readonly (string | Filter)[], from: number, input: Item, scope: Scope, format: string | undefined): Generator<string> {
  const part = parts[from]
  if (part === undefined) {
    yield ''
    return
  }
  if (typeof part === 'string') {
    for (const rest of texts(parts, from + 1, input, scope, format)) yield part + rest
    return
  }
  for (const value of values(part, input.value, scope)) {
    const text = format === undefined ? formatValue('text', value) : formatValue(format, value)
    for (const rest of texts(parts, from + 1, input, scope, format)) yield text + rest
  }
}

function* objects(entries: Extract<Filter, { is: 'object' }>['entries'], from: number, made: Record<string, Json>, input: Item, scope: Scope): Generator<Json> {
  const entry = entries[from]
  if (entry === undefined) {
    yield { ...made }
    return
  }
  for (const key of values(entry.key, input.value, scope)) {
    if (typeof key !== 'string') throw new JqError(`Object keys must be strings`)
    const all = entry.value === undefined ? [at(input.value, key)] : values(entry.value, input.value, scope)
    for (const value of all) yield* objects(entries, from + 1, { ...made, [key]: value }, input, scope)
  }
}

function* bind(pattern: Pattern, value: Json, input: Item, scope: Scope): Generator<Scope> {
  switch (pattern.is) {
    case 'name':
      yield { variable: { name: pattern.name, value }, outer: scope, machine: scope.machine }
      return
    case 'array': {
      let scopes: Scope[] = [scope]
      pattern.items.forEach((inner, i) => {
        scopes = scopes.flatMap(s => [...bind(inner, at(value, i), input, s)])
      })
      yield* scopes
      return
    }
    case 'object': {
      let scopes: Scope[] = [scope]
      for (const entry of pattern.entries) {
        scopes = scopes.flatMap(s => [...values(entry.key, input.value, s)].flatMap(key => {
          const got = at(value, key)
          const named: Scope = entry.name === undefined ? s : { variable: { name: entry.name, value: got }, outer: s, machine: s.machine }
          return entry.value === undefined ? [named] : [...bind(entry.value, got, input, named)]
        }))
      }
      yield* scopes
    }
  }
}

function variable(name: string, scope: Scope): Json {
  for (let s: Scope | undefined = scope; s !== undefined; s = s.outer) if (s.variable?.name === name) return s.variable.value
  if (name === 'ENV') return scope.machine.env
  if (name === '__loc__') return { file: '<top-level>', line: 1 }
  throw new JqError({ __jq: `$${name} is not defined` })
}

/** The paths that a filter leads to. */
export function* pathsOf(f: Filter, value: Json, scope: Scope): Generator<readonly Json[]> {
  for (const found of run(f, { value, path: [] }, scope)) {
    if (found.path === undefined) throw new JqError(`Invalid path expression with result ${shown(found.value)}`)
    yield found.path
  }
}

function* update(f: Extract<Filter, { is: 'update' }>, input: Item, scope: Scope): Generator<Item> {
  if (f.operator === '|=') {
    let result = input.value
    const gone: (readonly Json[])[] = []
    for (const path of pathsOf(f.path, input.value, scope)) {
      const first = values(f.value, getAt(result, path), scope).next()
      if (first.done === true) gone.push(path)
      else result = setAt(result, path, () => first.value)
    }
    for (const path of gone.reverse()) result = deleteAt(result, path)
    yield item(result)
    return
  }
  for (const value of values(f.value, input.value, scope)) {
    let result = input.value
    for (const path of pathsOf(f.path, input.value, scope)) {
      result = setAt(result, path, old => (f.operator === '=' ? value : f.operator === '//=' ? (isTrue(old) ? old : value) : arithmetic(f.operator.slice(0, -1), old, value)))
    }
    yield item(result)
  }
}

function getAt(value: Json, path: readonly Json[]): Json {
  let now = value
  for (const key of path) {
    if (now === null) return null
    now = isObject(key) && isList(now) ? now.slice(...bounds(now.length, key['start'] as number | null, key['end'] as number | null)) : at(now, key)
  }
  return now
}

function find(name: string, arity: number, scope: Scope): { closure: NonNullable<Scope['closure']>; at: Scope } | undefined {
  for (let s: Scope | undefined = scope; s !== undefined; s = s.outer) if (s.closure?.name === name && s.closure.arity === arity) return { closure: s.closure, at: s }
  return undefined
}

function* call(f: Extract<Filter, { is: 'call' }>, input: Item, scope: Scope): Generator<Item> {
  const own = find(f.name, f.args.length, scope)
  if (own !== undefined) {
    const { is } = own.closure
    if ('filter' in is) yield* run(is.filter, input, is.scope)
    else yield* apply(is, own.at, f.args, input, scope)
    return
  }
  const arg = (i: number): Filter => f.args[i] as Filter
  switch (`${f.name}/${f.args.length}`) {
    case 'empty/0': return
    case 'error/0': throw new JqError(input.value)
    case 'error/1': for (const value of values(arg(0), input.value, scope)) throw new JqError(value); return
    case 'not/0': yield item(!isTrue(input.value)); return
    case 'map/1': yield item([...each(item(input.value))].flatMap(i => [...values(arg(0), i.value, scope)])); return
    case 'map_values/1': yield* update({ is: 'update', operator: '|=', path: { is: 'each', of: { is: 'identity' } }, value: arg(0) }, input, scope); return
    case 'select/1': for (const test of values(arg(0), input.value, scope)) if (isTrue(test)) yield input; return
    case 'recurse/0': yield* recurse(input); return
    case 'recurse/1': yield* recurseBy(arg(0), input, scope); return
    case 'path/1': for (const path of pathsOf(arg(0), input.value, scope)) yield item(path); return
    case 'paths/0': for (const found of recurse({ value: input.value, path: [] })) if ((found.path as readonly Json[]).length > 0) yield item(found.path as readonly Json[]); return
    case 'paths/1': for (const found of recurse({ value: input.value, path: [] })) if ((found.path as readonly Json[]).length > 0 && [...values(arg(0), found.value, scope)].some(isTrue)) yield item(found.path as readonly Json[]); return
    case 'leaf_paths/0': for (const found of recurse({ value: input.value, path: [] })) if ((found.path as readonly Json[]).length > 0 && !isList(found.value) && !isObject(found.value)) yield item(found.path as readonly Json[]); return
    case 'getpath/1': for (const path of values(arg(0), input.value, scope)) yield { value: getAt(input.value, path as readonly Json[]), path: input.path === undefined ? undefined : [...input.path, ...(path as readonly Json[])] }; return
    case 'setpath/2': for (const path of values(arg(0), input.value, scope)) for (const value of values(arg(1), input.value, scope)) yield item(setAt(input.value, path as readonly Json[], () => value)); return
    case 'del/1': yield item([...pathsOf(arg(0), input.value, scope)].sort(compare).reverse().reduce<Json>((value, path) => deleteAt(value, path), input.value)); return
    case 'delpaths/1': for (const paths of values(arg(0), input.value, scope)) yield item([...(paths as readonly (readonly Json[])[])].sort(compare).reverse().reduce<Json>((value, path) => deleteAt(value, path), input.value)); return
    case 'to_entries/0': yield item(Object.entries(input.value as Record<string, Json>).map(([key, value]) => ({ key, value }))); return
    case 'with_entries/1': yield* run({ is: 'pipe', left: { is: 'call', name: 'to_entries', args: [] }, right: { is: 'pipe', left: { is: 'call', name: 'map', args: [arg(0)] }, right: { is: 'call', name: 'from_entries', args: [] } } }, input, scope); return
    case 'first/1': for (const found of run(arg(0), input, scope)) { yield found; return } return
    case 'last/1': { let last: Item | undefined; for (const found of run(arg(0), input, scope)) last = found; if (last !== undefined) yield last; return }
    case 'limit/2': for (const n of values(arg(0), input.value, scope)) { let left = n as number; if (left > 0) for (const found of run(arg(1), input, scope)) { yield found; if (--left <= 0) break } } return
    case 'until/2': { let now = input.value; for (;;) { tick(scope, 10); if (isTrue(values(arg(0), now, scope).next().value as Json)) break; now = values(arg(1), now, scope).next().value as Json } yield item(now); return }
    case 'while/2': { let now = input.value; while (isTrue(values(arg(0), now, scope).next().value as Json)) { tick(scope, 10); yield item(now); now = values(arg(1), now, scope).next().value as Json } return }
    case 'range/1': for (const to of values(arg(0), input.value, scope)) for (let i = 0; i < (to as number); i++) { tick(scope, 1); yield item(i) } return
    case 'range/2': for (const from of values(arg(0), input.value, scope)) for (const to of values(arg(1), input.value, scope)) for (let i = from as number; i < (to as number); i++) { tick(scope, 1); yield item(i) } return
    case 'range/3': for (const from of values(arg(0), input.value, scope)) for (const to of values(arg(1), input.value, scope)) for (const by of values(arg(2), input.value, scope)) for (let i = from as number; (by as number) > 0 ? i < (to as number) : (by as number) < 0 && i > (to as number); i += by as number) { tick(scope, 1); yield item(i) } return
    case 'any/0': yield item((input.value as readonly Json[]).some(isTrue)); return
    case 'all/0': yield item((input.value as readonly Json[]).every(isTrue)); return
    case 'any/1': yield item([...each(item(input.value))].some(i => [...values(arg(0), i.value, scope)].some(isTrue))); return
    case 'all/1': yield item([...each(item(input.value))].every(i => [...values(arg(0), i.value, scope)].every(isTrue))); return
    case 'any/2': yield item([...values(arg(0), input.value, scope)].some(v => [...values(arg(1), v, scope)].some(isTrue))); return
    case 'all/2': yield item([...values(arg(0), input.value, scope)].every(v => [...values(arg(1), v, scope)].every(isTrue))); return
    case 'isempty/1': yield item(values(arg(0), input.value, scope).next().done === true); return
    case 'add/1': yield item([...values(arg(0), input.value, scope)].reduce<Json>((sum, v) => add(sum, v), null)); return
    case 'sort_by/1': case 'group_by/1': case 'unique_by/1': case 'min_by/1': case 'max_by/1': yield item(byKey(f.name, input.value, v => [...values(arg(0), v, scope)])); return
    case 'input/0': { const next = scope.machine.next(); if (next === undefined) throw new JqError('No more inputs'); yield item(next); return }
    case 'inputs/0': for (let next = scope.machine.next(); next !== undefined; next = scope.machine.next()) yield item(next); return
    case 'env/0': yield item(scope.machine.env); return
    case 'now/0': yield item(scope.machine.nowSeconds); return
    case 'debug/0': yield input; return
    case 'halt/0': throw new UnsupportedError('jq’s `halt`', ['error'])
  }
  if (['match', 'capture', 'scan'].includes(f.name) && (f.args.length === 1 || f.args.length === 2)) {
    for (const re of values(arg(0), input.value, scope)) {
      for (const flags of f.args.length === 2 ? values(arg(1), input.value, scope) : [null]) {
        for (const found of matches(input.value, flags === null ? [re] : [re, flags], f.name === 'scan')) {
          if (f.name === 'match') yield item(found as unknown as Json)
          else if (f.name === 'capture') yield item(Object.fromEntries(found.captures.filter(c => c.name !== null).map(c => [c.name as string, c.string])))
          else yield item(found.captures.length === 0 ? found.string : found.captures.map(c => c.string))
        }
      }
    }
    return
  }
  const builtin = FUNCTIONS.get(`${f.name}/${f.args.length}`)
  if (builtin === undefined) throw new JqError({ __jq: `${f.name}/${f.args.length} is not defined` })
  yield* cartesian(f.args, input, scope, args => builtin(input.value, args))
}

function* cartesian(args: readonly Filter[], input: Item, scope: Scope, act: (args: readonly Json[]) => Json | readonly Item[]): Generator<Item> {
  const go = function* (i: number, got: readonly Json[]): Generator<Item> {
    const next = args[i]
    if (next === undefined) yield item(act(got) as Json)
    else for (const value of values(next, input.value, scope)) yield* go(i + 1, [...got, value])
  }
  yield* go(0, [])
}

function* recurseBy(f: Filter, input: Item, scope: Scope): Generator<Item> {
  yield input
  for (const inner of run(f, input, scope)) yield* recurseBy(f, inner, scope)
}

function* apply(closure: Closure, definedAt: Scope, args: readonly Filter[], input: Item, scope: Scope): Generator<Item> {
  const bindAll = function* (i: number, inner: Scope): Generator<Scope> {
    const parameter = closure.parameters[i]
    if (parameter === undefined) {
      yield inner
      return
    }
    const filter = args[i] as Filter
    if (!parameter.startsWith('$')) {
      yield* bindAll(i + 1, { closure: { name: parameter, arity: 0, is: { filter, scope } }, outer: inner, machine: scope.machine })
      return
    }
    const name = parameter.slice(1)
    for (const value of values(filter, input.value, scope)) {
      yield* bindAll(i + 1, { variable: { name, value }, outer: { closure: { name, arity: 0, is: { filter: { is: 'literal', value }, scope } }, outer: inner, machine: scope.machine }, machine: scope.machine })
    }
  }
  for (const inner of bindAll(0, definedAt)) yield* run(closure.body, input, inner)
}
