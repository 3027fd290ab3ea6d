/** Names that an invocation means and that nothing in the cluster has, before anything runs. */
import type { Finding } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { Arguments } from './arguments.ts'
import { BUILT_IN_NAMESPACES, find, list, type ResourceType, resourceType, selectorMatches } from './resources.ts'

/** Kinds whose objects are there when a runbook begins, or are made by it. Pods and Services are looked after elsewhere, with the hosts of other programs. */
const KINDS: ReadonlySet<string> = new Set(['StatefulSet', 'Deployment', 'Node', 'Secret'])
const VERBS: ReadonlySet<string> = new Set(['annotate', 'delete', 'describe', 'get', 'label', 'patch', 'rollout', 'scale', 'set', 'wait'])
const NODE_VERBS: ReadonlySet<string> = new Set(['cordon', 'uncordon', 'drain', 'taint'])
const MOST_LISTED = 12
/** Labels that controllers give, and nobody selects by. */
const OWN_LABELS = /^(?:controller-revision-hash|pod-template-hash|statefulset\.kubernetes\.io|apps\.kubernetes\.io)/
/** Of a label so many values are told. */
const LABELS_LISTED = 3

/** Names in a kubectl command that the cluster does not have when the runbook begins: a namespace, a StatefulSet, a Deployment, a node; each with what there is. @param verb of kubectl */
export function absentNames(kube: Kubernetes, verb: string, args: Arguments): readonly Finding[] {
  const namespace = args.flags.get('namespace')
  if (namespace !== undefined && !namespace.includes('$') && namespace !== kube.options.namespace && !BUILT_IN_NAMESPACES.has(namespace)) {
    const there: Finding = { severity: 'error', message: `there is no namespace \`${namespace}\`: this cluster lives in \`${kube.options.namespace}\`. Add \`--set cluster.kubernetes.namespace=${namespace}\`, or \`cluster: { kubernetes: { namespace: ${namespace} } }\` in the scenario`, object: namespace, elsewhere: true }
    // Whoever means this cluster has the other names to set as well: all are told at once.
    return [there, ...all(kube, verb, args)].map(found => ({ ...found, elsewhere: true }))
  }
  if (namespace !== undefined && namespace !== kube.options.namespace) return []
  return all(kube, verb, args)
}

function all(kube: Kubernetes, verb: string, args: Arguments): readonly Finding[] {
  return [...unlabelled(kube, verb, args), ...uncontained(kube, verb, args), ...absent(kube, verb, args)]
}

function absent(kube: Kubernetes, verb: string, args: Arguments): readonly Finding[] {
  return named(verb, args).flatMap(([type, name]) => (name === '' || name.includes('$') || !/^[a-z0-9]/.test(name) || find(kube, type, name, kube.options.namespace) !== undefined ? [] : [{ severity: 'error' as const, message: `there is no ${type.singular} \`${name}\` when the runbook begins. ${listed(kube, type)}${type.kind === 'StatefulSet' ? `. If yours is called so: \`--set cluster.name=${name}\`` : type.kind === 'Secret' && kube.takesNames ? `. If there is one: \`--set 'cluster.naming.secrets={"${name}":{"KEY":"VALUE"}}'\`` : ''}`, object: name }]))
}

/** A selector of pods that no pod has when the runbook begins: mostly another cluster's labels. A runbook may set them itself, so that it is only doubted. */
function unlabelled(kube: Kubernetes, verb: string, args: Arguments): readonly Finding[] {
  const selector = args.flags.get('selector')
  const type = resourceType(args.positional[0] ?? (verb === 'logs' ? 'pods' : ''))
  if (selector === undefined || selector.includes('$') || selector === '' || type?.kind !== 'Pod' || !(VERBS.has(verb) || verb === 'logs')) return []
  const pods = kube.pods$.list()
  if (pods.length === 0 || pods.some(pod => selectorMatches(selector, pod.labels))) return []
  const labels = new Map<string, Set<string>>()
  for (const pod of pods) for (const [key, value] of Object.entries(pod.labels)) if (!OWN_LABELS.test(key)) labels.set(key, (labels.get(key) ?? new Set()).add(value))
  const told = [...labels].map(([key, values]) => `${key}=${[...values].slice(0, LABELS_LISTED).join('|')}${values.size > LABELS_LISTED ? '|…' : ''}`)
  const asked = selector.split(',').map(term => /^([\w./-]+)==?([\w.-]+)$/.exec(term))
  const name = asked.length === 1 && asked[0]?.[1] === 'app' ? asked[0][2] : undefined
  const named = name !== undefined ? `. If yours is called so: \`--set cluster.name=${name}\`` : kube.takesNames && asked.every(term => term !== null) ? `. If yours have these: \`--set 'cluster.naming.labels=${JSON.stringify(Object.fromEntries(asked.map(term => [term?.[1], term?.[2]])))}'\`` : ''
  return [{ severity: 'warning', message: `no pod has the labels \`${selector}\` when the runbook begins: \`kubectl ${verb}\` finds nothing. Pods have ${told.join(', ')}${named}`, object: selector }]
}

/** Containers by a name that no pod has: what `-c` means, what `set image` changes, and what a patch then adds beside the one it is meant for. */
function uncontained(kube: Kubernetes, verb: string, args: Arguments): readonly Finding[] {
  const patch = verb === 'patch' ? [...(args.flags.get('patch') ?? '').matchAll(/\{\s*["']?name["']?\s*:\s*["']([\w-]+)["']\s*,\s*["']?image["']?\s*:/g)].map(found => found[1] as string) : []
  const images = verb === 'set' && args.positional[0] === 'image' ? args.positional.slice(1).flatMap(word => /^([\w-]+)=/.exec(word)?.[1] ?? []) : []
  const meant = verb === 'exec' || verb === 'logs' || verb === 'cp' ? [args.flags.get('container') ?? ''] : []
  const there = [...new Set(kube.pods$.list().flatMap(pod => [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(container => container.name)))]
  return [...patch, ...images, ...meant].filter(name => name !== '' && !name.includes('$') && there.length > 0 && !there.includes(name)).map(name => ({
    severity: patch.includes(name) ? ('warning' as const) : ('error' as const),
    message: `no container is called \`${name}\` when the runbook begins${patch.includes(name) ? ': the patch adds one' : ''}. There are: ${there.join(', ')}${kube.takesNames && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) ? `. If yours is called so: \`--set cluster.naming.container=${name}\`` : ''}`,
    // A patch names the container that it is said to make.
    ...(patch.includes(name) ? {} : { object: name }),
  }))
}

function named(verb: string, args: Arguments): readonly (readonly [ResourceType, string])[] {
  const words = verb === 'rollout' || verb === 'set' ? args.positional.slice(1) : args.positional
  if (NODE_VERBS.has(verb)) {
    const node = resourceType('nodes') as ResourceType
    // `taint nodes NAME key=value:Effect`
    const names = verb === 'taint' ? words.slice(1).filter(word => !/[=:]|-$/.test(word)) : words
    return names.map(name => [node, name.replace(/^(?:no|nodes?)\//, '')] as const)
  }
  if (!VERBS.has(verb)) return []
  const slashed = words.flatMap(word => {
    const [kind = '', name] = word.split('/')
    const type = resourceType(kind)
    return name === undefined || type === undefined || word.split('/').length > 2 ? [] : [[type, name] as const]
  })
  const first = words[0] === undefined || words[0].includes('/') ? undefined : resourceType(words[0])
  // Behind the names stand `key=value` of labels and images.
  const plain = first === undefined ? [] : words.slice(1).filter(word => !/[=/]|-$/.test(word)).map(name => [first, name] as const)
  return [...slashed, ...plain].filter(([type]) => KINDS.has(type.kind))
}

function listed(kube: Kubernetes, type: ResourceType): string {
  const names = list(kube, type, type.namespaced ? kube.options.namespace : undefined).map(f => f.name)
  return names.length === 0 ? 'There is none of this kind' : `There are: ${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? `, and ${names.length - MOST_LISTED} more` : ''}`
}
