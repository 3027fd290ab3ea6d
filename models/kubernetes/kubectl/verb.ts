/** What one kubectl verb is made of, and what all verbs share. */
import type { Process } from '../../../src/kernel/index.ts'
import type { Call, Intent, Look, Output } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { Arguments, FlagSpec } from './arguments.ts'
import { type Found, find, list, type ResourceType, resourceName, resourceType } from './resources.ts'

export interface Context {
  readonly kube: Kubernetes
  readonly call: Call
  readonly args: Arguments
  readonly namespace: string
}

export interface Verb {
  readonly name: string
  readonly summary: string
  readonly flags: FlagSpec
  /** Letters that mean something else to this verb than to the others. */
  readonly letters?: Readonly<Record<string, string>>
  /** All flags that the real verb has besides the global ones, where the list is known: any other is refused by kubectl itself. */
  readonly realFlags?: readonly string[]
  /** Malformed invocations that can be told without running: one message each. */
  check?(args: Arguments, kube: Kubernetes): readonly string[]
  /** What will be refused when it is run, and can be told before: one message each. */
  warnings?(args: Arguments, kube: Kubernetes): readonly string[]
  /** Files of the workstation that it reads. */
  files?(args: Arguments): readonly string[]
  /** Of an invocation that does not always change something; without it: what has a `run` does. */
  intent?(args: Arguments, kube: Kubernetes): Intent | undefined
  /** For read-only invocations; undefined when this one has effects or waits. */
  look?(c: Context): Output | Look | undefined
  run?(c: Context): Process<Output>
}

/** An invocation that fails with kubectl's own words. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly code = 1,
  ) {
    super(message)
  }
}

export function notFound(t: ResourceType, name: string): CliError {
  return new CliError(`Error from server (NotFound): ${resourceName(t)} "${name}" not found`)
}

/** The resource type of a word, or kubectl's complaint. */
export function typeOf(c: Context, word: string): ResourceType {
  const t = resourceType(word) ?? customType(c.kube, word)
  if (t === undefined) throw new CliError(`error: the server doesn't have a resource type "${word}"`)
  return t
}

/** Short names that the operators' CRDs declare. Source: planetscale vitess-operator and zalando postgres-operator, shortNames. */
const CUSTOM_SHORT: Readonly<Record<string, string>> = { vt: 'VitessCluster', vtk: 'VitessKeyspace', vts: 'VitessShard', vtc: 'VitessCell', pg: 'postgresql' }

/** A kind that somebody created objects of (a custom resource). */
export function customType(kube: Kubernetes, word: string): ResourceType | undefined {
  const [singular = ''] = word.toLowerCase().split('.')
  const kind = kube.store.kindNames().find(k => k.toLowerCase() === singular || `${k.toLowerCase()}s` === singular || CUSTOM_SHORT[singular] === k)
  return kind === undefined ? undefined : { kind, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase(), short: [], group: '', namespaced: true }
}

/** `type name…`, `type/name …`, `type1,type2`; with `names` empty the whole type is meant. */
export interface Selection {
  readonly type: ResourceType
  readonly names: readonly string[]
}

export function selections(c: Context, words: readonly string[]): Selection[] {
  const first = words[0]
  if (first === undefined) throw new CliError('error: Required resource not specified.')
  if (first.includes('/')) {
    return words.map(word => {
      const slash = word.indexOf('/')
      if (slash < 0) throw new CliError('error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. \'kubectl get resource/<resource_name>\' instead of \'kubectl get resource resource/<resource_name>\'')
      return { type: typeOf(c, word.slice(0, slash)), names: [word.slice(slash + 1)] }
    })
  }
  return first.split(',').map(word => ({ type: typeOf(c, word), names: words.slice(1) }))
}

/** The objects that an invocation names or selects. Missing ones are errors, in order. */
export function targets(c: Context, words: readonly string[] = c.args.positional): { found: Found[]; missing: CliError[] } {
  const found: Found[] = []
  const missing: CliError[] = []
  const selector = c.args.flags.get('selector')
  const everywhere = c.args.flags.has('all-namespaces')
  for (const s of selections(c, words)) {
    if (s.names.length === 0) {
      found.push(...list(c.kube, s.type, everywhere ? undefined : c.namespace, selector))
      continue
    }
    for (const name of s.names) {
      const f = find(c.kube, s.type, name, c.namespace)
      if (f === undefined) missing.push(notFound(s.type, name))
      else found.push(f)
    }
  }
  return { found, missing }
}

/** Joins results and errors of several objects as kubectl does: what worked on stdout, the rest on stderr, exit 1 if any failed. */
export function joined(lines: readonly string[], errors: readonly (CliError | string)[]): Output {
  const out = lines.map(l => `${l}\n`).join('')
  const err = errors.map(e => `${typeof e === 'string' ? e : e.message}\n`).join('')
  return { out, err, code: errors.length === 0 ? 0 : 1 }
}

/** Resource words of an invocation that no model knows, for `check`. */
export function unknownTypes(args: Arguments, kube: Kubernetes): string[] {
  const first = args.positional[0]
  if (first === undefined || first.includes('${')) return []
  const words = first.includes('/') ? args.positional.map(w => w.split('/')[0] as string) : first.split(',')
  return words
    .filter(w => w !== 'all' && !w.includes('${') && resourceType(w) === undefined && customType(kube, w) === undefined)
    .map(w => `the resource type \`${w}\` is not modelled; there are: pods, services, statefulsets, deployments, nodes, configmaps, secrets, endpoints, persistentvolumeclaims, poddisruptionbudgets, jobs, cronjobs, leases, events, persistentvolumes, and kinds that the scenario creates (of ingresses, horizontalpodautoscalers, limitranges, resourcequotas and replicationcontrollers there are none)`)
}

/** `pods/x`: an object as in messages about waiting. */
export function resourceLabel(f: Found): string {
  return `${f.type.group === '' ? f.type.plural : resourceName(f.type)}/${f.name}`
}
