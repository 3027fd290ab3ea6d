/** Reading a zod schema: what stands at a path, which keys it takes, what it means. For messages and for typing `--set`. */
import type { z } from 'zod'

export type Path = readonly (string | number)[]

interface Def {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly out?: z.ZodType
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
  readonly keyType?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly values?: readonly unknown[]
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly entries?: Readonly<Record<string, string | number>>
  readonly getter?: () => z.ZodType
  readonly catchall?: z.ZodType
}

/** The schemas that can stand at `path` (several below a union); empty when no schema has such a place. */
export function schemasAt(schema: z.ZodType, path: Path): readonly z.ZodType[] {
  let here = alternatives(schema)
  for (const key of path) here = here.flatMap(s => below(s, key)).flatMap(alternatives)
  return here
}

/** The keys that a value at `path` may have, in the order of the schema. */
export function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  const keys = new Set<string>()
  for (const s of schemasAt(schema, path)) {
    const def = defOf(s)
    for (const key of Object.keys(def.shape ?? {})) keys.add(key)
    if (def.type === 'record' && def.keyType !== undefined) for (const key of valuesOf(def.keyType)) keys.add(String(key))
  }
  return [...keys]
}

/** What the schema says the value at `path` means. */
export function meaningAt(schema: z.ZodType, path: Path): string | undefined {
  let here: readonly z.ZodType[] = [schema]
  let meaning: string | undefined
  for (const key of path) {
    here = here.flatMap(alternatives).flatMap(s => below(s, key))
    meaning = undefined
  }
  for (const s of here) meaning ??= described(s)
  return meaning
}

/** What may stand at `path` where several sorts may, as a person would write them: `false`, `{}`. */
export function shapesAt(schema: z.ZodType, path: Path): readonly string[] {
  const shapes = schemasAt(schema, path).map(s => shapeOf(defOf(s)))
  return [...new Set(shapes)]
}

function shapeOf(def: Def): string {
  if (def.type === 'literal') return (def.values ?? []).map(value => `\`${String(value)}\``).join(' or ')
  if (def.type === 'enum') return `one of ${Object.values(def.entries ?? {}).join(', ')}`
  if (def.type === 'object') return Object.values(def.shape ?? {}).every(isOptional) ? '`{}` (or a mapping with some of its keys)' : `a mapping with ${Object.entries(def.shape ?? {}).filter(([, s]) => !isOptional(s)).map(([key]) => `\`${key}\``).join(', ')}`
  const words: Readonly<Record<string, string>> = { number: 'a number', int: 'a whole number', string: 'a text', boolean: 'true or false', array: 'a list', record: 'a mapping of keys', null: 'null' }
  return words[def.type] ?? def.type
}

/** Whether a key may be left out. */
function isOptional(schema: z.ZodType): boolean {
  return schema.safeParse(undefined).success
}

/** The values of an enumeration or literal. */
export function valuesOf(schema: z.ZodType): readonly (string | number)[] {
  const def = defOf(schema)
  return def.type === 'enum' ? Object.values(def.entries ?? {}) : []
}

function described(schema: z.ZodType): string | undefined {
  if (schema.description !== undefined) return schema.description
  const def = defOf(schema)
  const inner = innerOf(def)
  return inner === undefined ? undefined : described(inner)
}

/** Takes wrappers (optional, default, pipe, lazy) and unions apart. */
function alternatives(schema: z.ZodType): readonly z.ZodType[] {
  const def = defOf(schema)
  if (def.type === 'union') return (def.options ?? []).flatMap(alternatives)
  if (def.type === 'lazy' && def.getter !== undefined) return alternatives(def.getter())
  const inner = innerOf(def)
  return inner === undefined ? [schema] : alternatives(inner)
}

function below(schema: z.ZodType, key: string | number): readonly z.ZodType[] {
  const def = defOf(schema)
  const found = def.type === 'array' ? def.element : def.type === 'record' ? def.valueType : (def.shape?.[key] ?? (def.type === 'object' ? def.catchall : undefined))
  return found === undefined ? [] : [found]
}

/** What a wrapper wraps. A pipe is read at its input, but `z.preprocess` (a pipe out of a transform) at its output. */
function innerOf(def: Def): z.ZodType | undefined {
  if (def.in !== undefined && defOf(def.in).type === 'transform') return def.out
  return def.innerType ?? def.in
}

function defOf(schema: z.ZodType): Def {
  return schema._zod.def as unknown as Def
}
