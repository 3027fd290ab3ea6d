import { parseAllDocuments } from 'yaml'
import { copy, type KubeObject } from '../objects.ts'
import { find, qualified, resourceName, type ResourceType, resourceType } from './resources.ts'
import { CliError, type Context, joined, typeOf, type Verb } from './verb.ts'
import { store } from './write.ts'

/** The objects on standard input, YAML or JSON, several documents or a List. */
function documents(c: Context): KubeObject[] {
  const file = c.args.flags.get('filename')
  if (file === undefined) throw new CliError('error: must specify one of -f and -k')
  if (file !== '-') throw new CliError(`error: the path "${file}" does not exist`)
  const out: KubeObject[] = []
  for (const document of parseAllDocuments(c.call.stdin)) {
    if ('errors' in document && document.errors.length > 0) throw new CliError(`error: error parsing STDIN: error converting YAML to JSON: yaml: ${document.errors[0]?.message ?? ''}`)
    const value = ('toJS' in document ? document.toJS() : undefined) as KubeObject | null | undefined
    if (value === null || value === undefined) continue
    if (value.kind === 'List') out.push(...(value.items as KubeObject[]))
    else out.push(value)
  }
  if (out.length === 0) throw new CliError('error: no objects passed to apply')
  for (const o of out) if (typeof o.kind !== 'string' || typeof o.metadata?.name !== 'string') throw new CliError('error: error validating "STDIN": error validating data: kind or metadata.name not set')
  return out
}

function typeFor(object: KubeObject): ResourceType {
  return resourceType(object.kind) ?? { kind: object.kind, plural: `${object.kind.toLowerCase()}s`, singular: object.kind.toLowerCase(), short: [], group: object.apiVersion?.split('/')[0] ?? '', namespaced: true }
}

function fileOnly(args: { flags: ReadonlyMap<string, string> }): string[] {
  const file = args.flags.get('filename')
  return file !== undefined && file !== '-' && !file.includes('${') ? [`files are not modelled (\`-f ${file}\`): pass the objects on standard input with \`-f -\``] : []
}

export const apply: Verb = {
  name: 'apply',
  summary: 'creates or updates the objects on standard input',
  flags: { filename: 'text', selector: 'text', output: 'text', force: 'optional' },
  check: fileOnly,
  *run(c) {
    const lines: string[] = []
    const errors: CliError[] = []
    for (const object of documents(c)) {
      const t = typeFor(object)
      const namespace = object.metadata.namespace ?? c.namespace
      const wanted: KubeObject = { ...object, metadata: { ...object.metadata, namespace } }
      try {
        const found = find(c.kube, t, object.metadata.name, namespace)
        if (found === undefined) {
          c.kube.create(wanted)
          lines.push(`${qualified(t, object.metadata.name)} created`)
          continue
        }
        const entry = c.kube.store.entry(t.kind, found.key)
        const live = entry?.object ?? found.json()
        const changed = store(c.kube, found, threeWay(entry?.applied ?? live, live, wanted) as KubeObject)
        if (entry !== undefined) entry.applied = copy(wanted)
        lines.push(`${qualified(t, object.metadata.name)} ${changed ? 'configured' : 'unchanged'}`)
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        errors.push(error)
      }
    }
    return joined(lines, errors)
  },
}

/** What was applied before and is not any more is removed; what others set stays; the rest is as wanted. */
function threeWay(applied: unknown, live: unknown, wanted: unknown): unknown {
  if (!isMap(wanted) || !isMap(live)) return copy(wanted)
  const out: Record<string, unknown> = { ...live }
  if (isMap(applied)) for (const key of Object.keys(applied)) if (!Object.hasOwn(wanted, key) && key !== 'status') delete out[key]
  for (const [key, value] of Object.entries(wanted)) out[key] = threeWay(isMap(applied) ? applied[key] : undefined, live[key], value)
  return out
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

export const create: Verb = {
  name: 'create',
  summary: 'creates objects: from standard input, or a configmap, secret, job or namespace',
  flags: { filename: 'text', 'from-literal': 'text', from: 'text', output: 'text', image: 'text' },
  check(args) {
    const kind = args.positional[0]
    if (kind === undefined || ['configmap', 'cm', 'secret', 'job', 'namespace', 'ns'].includes(kind)) return fileOnly(args)
    return [`kubectl create ${kind} is not modelled; there are: configmap, secret generic, job --from=cronjob/NAME, namespace, -f -`]
  },
  *run(c) {
    const objects = c.args.positional.length > 0 ? [described(c)] : documents(c)
    const lines: string[] = []
    const errors: CliError[] = []
    for (const object of objects) {
      const t = typeFor(object)
      const namespace = object.metadata.namespace ?? c.namespace
      if (find(c.kube, t, object.metadata.name, namespace) !== undefined) {
        errors.push(new CliError(`${c.args.positional.length > 0 ? 'error: failed to create' : 'Error from server (AlreadyExists): error when creating "STDIN":'} ${c.args.positional.length > 0 ? `${t.singular}: ` : ''}${resourceName(t)} "${object.metadata.name}" already exists`))
        continue
      }
      c.kube.create({ ...object, metadata: { ...object.metadata, namespace } })
      lines.push(`${qualified(t, object.metadata.name)} created`)
    }
    return joined(lines, errors)
  },
}

/** The object that `kubectl create KIND NAME …` describes. */
function described(c: Context): KubeObject {
  const [kind, ...rest] = c.args.positional
  const t = typeOf(c, kind as string)
  const name = rest[rest.length - 1]
  if (name === undefined) throw new CliError('error: exactly one NAME is required, got 0')
  const data: Record<string, string> = {}
  for (const literal of c.args.repeated.get('from-literal') ?? []) data[literal.slice(0, literal.indexOf('='))] = literal.slice(literal.indexOf('=') + 1)
  if (t.kind === 'ConfigMap' || t.kind === 'Secret') return { apiVersion: 'v1', kind: t.kind, metadata: { name }, data }
  if (t.kind === 'Namespace') return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
  const from = c.args.flags.get('from')?.replace(/^(cronjob|cj)\//, '')
  const cron = from === undefined ? undefined : c.kube.store.get('CronJob', c.kube.key(from, c.namespace))
  if (cron === undefined) throw new CliError(`error: cronjobs.batch "${from ?? ''}" not found`)
  const template = cron.spec?.jobTemplate as { spec?: Record<string, unknown> } | undefined
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: copy(template?.spec ?? {}) }
}
