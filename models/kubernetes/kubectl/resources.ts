/** Resource types as kubectl names them, and finding objects by those names. */
import { rememberedByText } from '../../../src/operator/remembered.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { KubeObject, Labels } from '../objects.ts'
import { nodeObject, podObject, storedObject, volumeObject } from './present.ts'

export interface ResourceType {
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly short: readonly string[]
  /** API group, as in `statefulset.apps/x`. */
  readonly group: string
  readonly namespaced: boolean
}

const type = (kind: string, plural: string, group = '', short: readonly string[] = [], namespaced = true): ResourceType => ({ kind, plural, singular: kind.toLowerCase(), short, group, namespaced })

export const TYPES: readonly ResourceType[] = [
  type('Pod', 'pods', '', ['po']),
  type('Service', 'services', '', ['svc']),
  type('StatefulSet', 'statefulsets', 'apps', ['sts']),
  type('Deployment', 'deployments', 'apps', ['deploy']),
  type('Node', 'nodes', '', ['no'], false),
  type('ConfigMap', 'configmaps', '', ['cm']),
  type('Secret', 'secrets'),
  type('Endpoints', 'endpoints', '', ['ep']),
  type('PersistentVolumeClaim', 'persistentvolumeclaims', '', ['pvc']),
  type('PodDisruptionBudget', 'poddisruptionbudgets', 'policy', ['pdb']),
  type('NetworkPolicy', 'networkpolicies', 'networking.k8s.io', ['netpol']),
  type('Job', 'jobs', 'batch'),
  type('CronJob', 'cronjobs', 'batch', ['cj']),
  type('Lease', 'leases', 'coordination.k8s.io'),
  type('ControllerRevision', 'controllerrevisions', 'apps'),
  type('Namespace', 'namespaces', '', ['ns'], false),
  type('Event', 'events', '', ['ev']),
  type('PersistentVolume', 'persistentvolumes', '', ['pv'], false),
  // Of these the cluster has none, and none can be made (manifests.ts): who asks is told so.
  type('Ingress', 'ingresses', 'networking.k8s.io', ['ing']),
  type('HorizontalPodAutoscaler', 'horizontalpodautoscalers', 'autoscaling', ['hpa']),
  type('LimitRange', 'limitranges', '', ['limits']),
  type('ResourceQuota', 'resourcequotas', '', ['quota']),
  type('ReplicationController', 'replicationcontrollers', '', ['rc']),
]

const byName = new Map<string, ResourceType>()
for (const t of TYPES) {
  for (const name of [t.plural, t.singular, ...t.short]) {
    byName.set(name, t)
    if (t.group !== '') byName.set(`${name}.${t.group}`, t)
  }
}

export function resourceType(name: string): ResourceType | undefined {
  return byName.get(name.toLowerCase())
}

/** `pod/x`, `statefulset.apps/x`. */
export function qualified(t: ResourceType, name: string): string {
  return `${t.singular}${t.group === '' ? '' : `.${t.group}`}/${name}`
}

/** `pods`, `statefulsets.apps`: the resource as in error messages. */
export function resourceName(t: ResourceType): string {
  return t.group === '' ? t.plural : `${t.plural}.${t.group}`
}

/** An API object as a command found it. */
export interface Found {
  readonly type: ResourceType
  readonly name: string
  readonly namespace: string
  readonly key: string
  readonly labels: Labels
  /** Its full JSON, built when asked for. */
  readonly json: () => KubeObject
}

export const BUILT_IN_NAMESPACES: ReadonlySet<string> = new Set(['default', 'kube-node-lease', 'kube-public', 'kube-system'])

/** The object of a type and name, or undefined. */
export function find(kube: Kubernetes, t: ResourceType, name: string, namespace: string): Found | undefined {
  const key = t.namespaced ? kube.key(name, namespace) : name
  if (t.kind === 'Pod') {
    const pod = kube.pods$.get(key)
    return pod === undefined ? undefined : { type: t, name, namespace, key, labels: pod.labels, json: () => podObject(kube, pod) }
  }
  if (t.kind === 'Node') {
    const node = kube.nodes.get(name)
    return node === undefined ? undefined : { type: t, name, namespace: '', key, labels: node.labels, json: () => nodeObject(kube, node) }
  }
  if (t.kind === 'Namespace' && kube.store.entry('Namespace', name) === undefined) {
    // Every cluster has these, and the one that the database lives in.
    const labels = { 'kubernetes.io/metadata.name': name }
    return BUILT_IN_NAMESPACES.has(name) || name === kube.options.namespace ? { type: t, name, namespace: '', key, labels, json: () => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }) } : undefined
  }
  if (t.kind === 'Event' || t.kind === 'PersistentVolume') return derived(kube, t).find(f => f.name === name && (!t.namespaced || f.namespace === namespace))
  const kind = t.kind === 'Endpoints' ? 'Service' : t.kind
  const entry = kube.store.entry(kind, key)
  if (entry === undefined) return undefined
  return { type: t, name, namespace, key, labels: entry.object.metadata.labels ?? {}, json: () => storedObject(kube, t.kind, key, entry) }
}

/** Objects that nobody keeps: they follow from others. */
function derived(kube: Kubernetes, t: ResourceType): Found[] {
  if (t.kind === 'Event') return kube.happened.list(kube.sim.now, kube.options.namespace).map(({ object }) => ({ type: t, name: object.metadata.name, namespace: kube.options.namespace, key: object.metadata.name, labels: NO_LABELS, json: () => object }))
  return kube.store.entries('PersistentVolumeClaim').flatMap(([key, entry]) => {
    const disk = kube.volumes.disk(key)
    return disk === undefined ? [] : [{ type: t, name: disk.name, namespace: '', key, labels: NO_LABELS, json: () => volumeObject(kube, key, entry, disk) }]
  })
}

/** All objects of a type in a namespace (`undefined` = all) that fit a selector, sorted by name as the API server does. Of a fleet few are wanted: the others are only glanced at. */
export function list(kube: Kubernetes, t: ResourceType, namespace: string | undefined, selector?: string): Found[] {
  const out: Found[] = []
  const terms = selector === undefined ? NO_TERMS : readSelector(selector)
  const add = (name: string, ns: string, labels: Labels) => {
    if (!terms.every(({ fits }) => fits(labels))) return
    const found = namespace === undefined || !t.namespaced || ns === namespace ? find(kube, t, name, ns) : undefined
    if (found !== undefined) out.push(found)
  }
  if (t.kind === 'Event' || t.kind === 'PersistentVolume') return derived(kube, t).filter(f => terms.every(({ fits }) => fits(f.labels)) && (namespace === undefined || !t.namespaced || f.namespace === namespace))
  if (t.kind === 'Pod') for (const pod of fewest(terms, (key, value) => kube.pods$.labelled.with(key, value)) ?? kube.pods$.list()) add(pod.name, pod.namespace, pod.labels)
  else if (t.kind === 'Node') for (const [name, node] of kube.nodes) add(name, '', node.labels)
  else if (t.kind === 'Namespace') for (const name of new Set([...BUILT_IN_NAMESPACES, kube.options.namespace, ...kube.store.entries('Namespace').map(([, e]) => e.object.metadata.name)])) add(name, '', find(kube, t, name, '')?.labels ?? NO_LABELS)
  else {
    const kind = t.kind === 'Endpoints' ? 'Service' : t.kind
    for (const { object } of fewest(terms, (key, value) => kube.store.labelled(kind, key, value)) ?? kube.store.all(kind)) add(object.metadata.name, object.metadata.namespace ?? kube.options.namespace, object.metadata.labels ?? NO_LABELS)
  }
  return out.sort((a, b) => (a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** The fewest objects among which all lie that fit: those of the rarest label that a selector wants; undefined when it wants none. */
function fewest<T>(terms: readonly Term[], labelled: (key: string, value: string) => ReadonlySet<T>): Iterable<T> | undefined {
  let least: ReadonlySet<T> | undefined
  for (const { wants } of terms) {
    if (wants === undefined) continue
    const found = labelled(...wants)
    if (least === undefined || found.size < least.size) least = found
  }
  return least
}

/** Whether labels fit a `-l` selector: `a=b,c!=d,e,!f,g in (x,y),h notin (z)`. */
export function selectorMatches(selector: string, labels: Labels): boolean {
  return readSelector(selector).every(({ fits }) => fits(labels))
}

interface Term {
  readonly fits: (labels: Labels) => boolean
  /** The label and value that it wants, where it wants just one. */
  readonly wants?: readonly [key: string, value: string]
}

const NO_TERMS: readonly Term[] = []
const NO_LABELS: Labels = {}

/** The terms of a selector, taken apart once for a text. */
const readSelector = rememberedByText((selector): readonly Term[] => splitSelector(selector).map(readTerm))

function readTerm(term: string): Term {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term)
  if (set !== null) {
    const [key, isIn, values] = [set[1] as string, set[2] === 'in', (set[3] as string).split(',').map(v => v.trim())]
    return { fits: labels => values.includes(labels[key] ?? '\u0000') === isIn }
  }
  const pair = /^([^!=]+)(==|=|!=)(.*)$/.exec(term)
  if (pair !== null) {
    const [key, isEqual, value] = [(pair[1] as string).trim(), pair[2] !== '!=', (pair[3] as string).trim()]
    return { fits: labels => (labels[key] === value) === isEqual, ...(isEqual ? { wants: [key, value] } : {}) }
  }
  if (!term.startsWith('!')) return { fits: labels => labels[term] !== undefined }
  const absent = term.slice(1).trim()
  return { fits: labels => labels[absent] === undefined }
}

function splitSelector(selector: string): string[] {
  const terms: string[] = []
  let depth = 0
  let term = ''
  for (const c of selector) {
    if (c === '(') depth += 1
    if (c === ')') depth -= 1
    if (c === ',' && depth === 0) {
      terms.push(term.trim())
      term = ''
    } else term += c
  }
  terms.push(term.trim())
  return terms.filter(t => t !== '')
}
