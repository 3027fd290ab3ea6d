import { stringify } from 'yaml'
import type { Output } from '../../../src/operator/command.ts'
import type { Arguments } from './arguments.ts'
import { checkFiles, filesOf, type Manifest, manifests, typeOfObject } from './manifests.ts'
import { withDefaults } from '../defaults.ts'
import { alike, copy, type KubeObject } from '../objects.ts'
import { encoded } from '../secret.ts'
import { find, qualified, resourceName, type ResourceType } from './resources.ts'
import { CliError, type Context, joined, typeOf, type Verb } from './verb.ts'
import { refuseUnmodelled } from './unmodelled.ts'
import { refuseInvalid, store } from './write.ts'

export const apply: Verb = {
  name: 'apply',
  summary: 'creates or updates the objects in files or on standard input',
  flags: { filename: 'text', 'server-side': 'optional', 'dry-run': 'optional', validate: 'optional', output: 'text' },
  check: args => [...checkFiles(args), ...checkOutput(args, 'apply')],
  files: filesOf,
  *run(c) {
    const lines: string[] = []
    const errors: CliError[] = []
    const dry = isDry(c)
    const output = c.args.flags.get('output')
    const shown: KubeObject[] = []
    for (const manifest of manifests(c)) {
      const { object } = manifest
      const namespace = object.metadata.namespace ?? c.namespace
      const wanted: KubeObject = { ...object, metadata: { ...object.metadata, namespace } }
      try {
        const t = typeOfObject(c, manifest)
        const found = find(c.kube, t, object.metadata.name, namespace)
        refuseInvalid(wanted)
        if (found === undefined) {
          refuseUnmodelled(c.kube, wanted, undefined)
          if (!dry) c.kube.create(wanted)
          shown.push(find(c.kube, t, object.metadata.name, namespace)?.json() ?? object)
          lines.push(output === 'name' ? qualified(t, object.metadata.name) : `${qualified(t, object.metadata.name)} created${dry ? DRY : ''}`)
          continue
        }
        if (dry) {
          // What is there, not what would be: kubectl merges nothing by itself.
          shown.push(found.json())
          lines.push(output === 'name' ? qualified(t, object.metadata.name) : `${qualified(t, object.metadata.name)} configured${DRY}`)
          continue
        }
        const entry = c.kube.store.entry(t.kind, found.key)
        const live = entry === undefined ? found.json() : withDefaults(entry.object)
        const next = threeWay(entry === undefined ? live : entry.applied, live, wanted) as KubeObject
        const changed = !alike(live, next) && store(c.kube, found, next)
        if (entry !== undefined) entry.applied = copy(wanted)
        shown.push(find(c.kube, t, object.metadata.name, namespace)?.json() ?? object)
        lines.push(output === 'name' ? qualified(t, object.metadata.name) : `${qualified(t, object.metadata.name)} ${c.args.flags.has('server-side') ? 'serverside-applied' : changed ? 'configured' : 'unchanged'}`)
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        errors.push(error)
      }
    }
    if (output !== 'yaml' && output !== 'json') return joined(lines, errors)
    const [only] = shown
    return joined(only === undefined ? [] : [printed(shown.length === 1 ? only : { apiVersion: 'v1', items: shown, kind: 'List', metadata: {} } as unknown as KubeObject, output)], errors)
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

const DRY = ' (dry run)'

/** `--dry-run=client` (or server): nothing is changed. @throws CliError for what kubectl refuses */
function isDry(c: Context): boolean {
  const value = c.args.flags.get('dry-run')
  if (value === undefined || value === 'none') return false
  if (value !== 'client' && value !== 'server') throw new CliError(value === 'true' ? 'error: --dry-run=true is no longer supported. Use --dry-run=client or --dry-run=server.' : `error: Invalid dry-run value (${value}). Must be "none", "server", or "client".`)
  return true
}

const KINDS = ['configmap', 'cm', 'secret', 'job', 'namespace', 'ns']

function checkCreate(args: Arguments): string[] {
  const [kind, sub] = args.positional
  const found = checkFiles(args)
  if (kind !== undefined && !kind.includes('${') && !KINDS.includes(kind)) found.push(`kubectl create ${kind} is not modelled; there are: configmap, secret generic, job --from=cronjob/NAME, namespace, -f FILE`)
  if (kind === 'secret' && sub !== 'generic') found.push(`kubectl create secret ${sub ?? ''} is not modelled; there is: generic`)
  return [...found, ...checkOutput(args, 'create')]
}

function checkOutput(args: Arguments, verb: string): string[] {
  const output = args.flags.get('output')
  return output === undefined || output.includes('${') || ['yaml', 'json', 'name'].includes(output) ? [] : [`the output format \`${output}\` of kubectl ${verb} is not modelled; supported: yaml, json, name`]
}

const literalFiles = (args: Arguments): readonly string[] => (args.repeated.get('from-file') ?? []).map(value => value.slice(value.indexOf('=') + 1)).filter(file => !file.includes('${'))

export const create: Verb = {
  name: 'create',
  summary: 'creates objects: from files or standard input, or a configmap, secret, job or namespace',
  flags: { filename: 'text', 'from-literal': 'text', 'from-file': 'text', from: 'text', output: 'text', 'dry-run': 'optional' },
  check: checkCreate,
  files: args => [...filesOf(args), ...literalFiles(args)],
  *run(c) {
    const described = c.args.positional.length > 0
    const dry = isDry(c)
    const output = c.args.flags.get('output')
    const lines: string[] = []
    const errors: CliError[] = []
    const made = described ? [{ object: describedObject(c), file: '' }] : manifests(c)
    for (const manifest of made) {
      try {
        const { object, file } = manifest
        const t = typeOfObject(c, manifest)
        const namespace = object.metadata.namespace ?? c.namespace
        if (!dry && find(c.kube, t, object.metadata.name, namespace) !== undefined) {
          throw new CliError(`${described ? `error: failed to create ${t.singular}:` : `Error from server (AlreadyExists): error when creating "${file}":`} ${resourceName(t)} "${object.metadata.name}" already exists`)
        }
        refuseInvalid(object)
        refuseUnmodelled(c.kube, object, undefined)
        if (!dry) {
          c.kube.create({ ...object, metadata: { ...object.metadata, namespace } })
          const entry = c.kube.store.entry(t.kind, c.kube.key(object.metadata.name, namespace))
          if (entry !== undefined) entry.applied = undefined
        }
        lines.push(output === 'yaml' || output === 'json' ? printed(object, output) : output === 'name' ? qualified(t, object.metadata.name) : `${qualified(t, object.metadata.name)} created${dry ? DRY : ''}`)
      } catch (error) {
        if (!(error instanceof CliError)) throw error
        errors.push(error)
      }
    }
    return joined(lines, errors)
  },
}

function printed(object: KubeObject, output: string): string {
  return output === 'json' ? JSON.stringify(object, null, 4) : stringify(object).trimEnd()
}

/** Puts whole objects in the place of those that are there; what is not there is NotFound. */
export const replace: Verb = {
  name: 'replace',
  summary: 'replaces objects by those in files or on standard input',
  flags: { filename: 'text' },
  check: checkFiles,
  files: filesOf,
  *run(c) {
    return eachManifest(c, 'replacing', (manifest, t) => {
      const { object } = manifest
      const found = find(c.kube, t, object.metadata.name, object.metadata.namespace ?? c.namespace)
      if (found === undefined) return undefined
      store(c.kube, found, { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? c.namespace } })
      return `${qualified(t, object.metadata.name)} replaced`
    })
  },
}

/** @param act undefined = there is no such object */
function eachManifest(c: Context, doing: string, act: (manifest: Manifest, t: ResourceType) => string | undefined): Output {
  const lines: string[] = []
  const errors: CliError[] = []
  for (const manifest of manifests(c)) {
    try {
      const t = typeOfObject(c, manifest)
      const line = act(manifest, t)
      if (line === undefined) throw new CliError(`Error from server (NotFound): error when ${doing} "${manifest.file}": ${resourceName(t)} "${manifest.object.metadata.name}" not found`)
      lines.push(line)
    } catch (error) {
      if (!(error instanceof CliError)) throw error
      errors.push(error)
    }
  }
  return joined(lines, errors)
}

/** The object that `kubectl create KIND NAME …` describes. */
function describedObject(c: Context): KubeObject {
  const [kind, ...rest] = c.args.positional
  const t = typeOf(c, kind as string)
  const name = rest[rest.length - 1]
  if (name === undefined) throw new CliError('error: exactly one NAME is required, got 0')
  const data: Record<string, string> = {}
  for (const literal of c.args.repeated.get('from-literal') ?? []) data[literal.slice(0, literal.indexOf('='))] = literal.slice(literal.indexOf('=') + 1)
  for (const value of c.args.repeated.get('from-file') ?? []) {
    const path = value.slice(value.indexOf('=') + 1)
    const text = c.call.disk?.read(path)
    if (text === undefined) throw new CliError(`error: error reading ${path}: no such file or directory`)
    data[value.includes('=') ? value.slice(0, value.indexOf('=')) : path.slice(path.lastIndexOf('/') + 1)] = text
  }
  if (t.kind === 'Secret') return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: encoded(data) }
  if (t.kind === 'ConfigMap') return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }
  if (t.kind === 'Namespace') return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
  const from = c.args.flags.get('from')?.replace(/^(cronjob|cj)\//, '')
  const cron = from === undefined ? undefined : c.kube.store.get('CronJob', c.kube.key(from, c.namespace))
  if (cron === undefined) throw new CliError(`error: cronjobs.batch "${from ?? ''}" not found`)
  const template = cron.spec?.jobTemplate as { spec?: Record<string, unknown> } | undefined
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: copy(template?.spec ?? {}) }
}
