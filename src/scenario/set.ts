/** `--set cluster.members=5`: one value of the scenario replaced, read as its schema wants it. */
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Engine } from '../engine.ts'
import type { Override } from './document.ts'
import { ScenarioSchema } from './schema.ts'
import { type Path, schemasAt } from './walk.ts'

/** Reads `path=value` options. What is wrong with them comes out when the merged scenario is validated, under the option's own name. */
export function overridesOf(set: Readonly<Record<string, string>>, engine: Pick<Engine, 'options'> | undefined): readonly Override[] {
  return Object.entries(set).map(([name, text]) => {
    const path = name.split('.').map(part => (/^\d+$/.test(part) ? Number(part) : part))
    return { option: `--set ${name}=${text}`, path, value: typed(text, schemasFor(path, engine)) }
  })
}

/** Splits one `path=value` argument; undefined when there is no `=`. */
export function splitSet(argument: string): readonly [string, string] | undefined {
  const at = argument.indexOf('=')
  return at <= 0 ? undefined : [argument.slice(0, at), argument.slice(at + 1)]
}

function schemasFor(path: Path, engine: Pick<Engine, 'options'> | undefined): readonly z.ZodType[] {
  if (path[0] === 'cluster' && path[1] !== 'engine') return engine === undefined ? [] : schemasAt(engine.options, path.slice(1))
  return schemasAt(ScenarioSchema, path)
}

/** The text as YAML reads it (5, true, [a, b]), unless only the text itself fits (a version `15.10`, an image `postgres:15`). */
function typed(text: string, schemas: readonly z.ZodType[]): unknown {
  const document = parseDocument(text, { prettyErrors: false })
  if (document.errors.length > 0) return text
  const value: unknown = document.toJS()
  const fits = (candidate: unknown): boolean => schemas.some(schema => schema.safeParse(candidate).success)
  return typeof value !== 'string' && !fits(value) && fits(text) ? text : value
}
