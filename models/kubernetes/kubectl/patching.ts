/** The three patch dialects, on plain JSON (rules K8S-PATCH-…). */
import { copy } from '../objects.ts'
import { CliError } from './verb.ts'

type Json = Record<string, unknown>

/** Lists of objects that a strategic merge patch merges by a key instead of replacing them (from the API types' patchMergeKey). */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  ports: 'port',
  tolerations: '',
  conditions: 'type',
  imagePullSecrets: 'name',
}

/** Merges maps key by key (null deletes a key); lists are replaced, or merged by their key when `strategic`. Values of `target` are not changed. */
export function merge(target: unknown, patch: unknown, strategic: boolean, field = ''): unknown {
  if (Array.isArray(patch)) {
    const key = MERGE_KEYS[field]
    return strategic && key !== undefined && key !== '' && Array.isArray(target) ? mergeList(target, patch, key) : copy(patch)
  }
  if (!isMap(patch)) return patch
  const out: Json = isMap(target) ? { ...target } : {}
  if (strategic && patch.$patch === 'replace') {
    const { $patch: _, ...rest } = patch
    return copy(rest)
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key]
    else out[key] = merge(out[key], value, strategic, key)
  }
  return out
}

function mergeList(target: readonly unknown[], patch: readonly unknown[], key: string): unknown[] {
  if (patch.some(p => isMap(p) && p.$patch === 'replace')) return patch.filter(p => !(isMap(p) && p.$patch === 'replace')).map(copy)
  const out = [...target]
  for (const item of patch) {
    if (!isMap(item)) continue
    if (item[key] === undefined) throw new CliError(`Error from server: map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`)
    const at = out.findIndex(t => isMap(t) && t[key] === item[key])
    if (item.$patch === 'delete') {
      if (at >= 0) out.splice(at, 1)
    } else if (at >= 0) out[at] = merge(out[at], item, true)
    else out.push(copy(item))
  }
  return out
}

interface Operation {
  readonly op?: string
  readonly path?: string
  readonly value?: unknown
  readonly from?: string
}

/** Applies an RFC 6902 patch to a copy. @throws CliError as the API server answers */
export function jsonPatch(target: unknown, operations: unknown): unknown {
  if (!Array.isArray(operations)) throw new CliError('Error from server (BadRequest): json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  const holder = { root: copy(target) }
  for (const operation of operations as Operation[]) step(holder, operation)
  return holder.root
}

function step(holder: { root: unknown }, o: Operation): void {
  const path = pointer(o.path ?? '')
  const invalid = () => new CliError('The request is invalid: the server rejected our request due to an error in our request')
  const [parent, last] = locate(holder, path)
  if (parent === undefined) throw invalid()
  const exists = Array.isArray(parent) ? Number(last) < parent.length : isMap(parent) && Object.hasOwn(parent, last)
  switch (o.op) {
    case 'add':
      if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, copy(o.value))
      else (parent as Json)[last] = copy(o.value)
      return
    case 'replace':
    case 'remove':
      if (!exists) throw invalid()
      if (o.op === 'replace') (parent as Json)[last] = copy(o.value)
      else if (Array.isArray(parent)) parent.splice(Number(last), 1)
      else delete (parent as Json)[last]
      return
    case 'test':
      if (JSON.stringify((parent as Json)[last]) !== JSON.stringify(o.value)) throw invalid()
      return
    default:
      throw new CliError(`Error from server (BadRequest): Unexpected kind: ${o.op}`)
  }
}

function locate(holder: { root: unknown }, path: readonly string[]): [unknown, string] {
  let at: unknown = holder
  const whole = ['root', ...path]
  for (const word of whole.slice(0, -1)) {
    at = at !== null && typeof at === 'object' ? (at as Json)[word] : undefined
    if (at === undefined) return [undefined, '']
  }
  return [at !== null && typeof at === 'object' ? at : undefined, whole[whole.length - 1] as string]
}

function pointer(text: string): string[] {
  return text === '' ? [] : text.slice(1).split('/').map(w => w.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function isMap(value: unknown): value is Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
