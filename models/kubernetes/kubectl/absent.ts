/** Names that an invocation means and that nothing in the cluster has, before anything runs. */
import type { Finding } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { Arguments } from './arguments.ts'
import { BUILT_IN_NAMESPACES, find, list, type ResourceType, resourceType } from './resources.ts'

/** Kinds whose objects are there when a runbook begins, or are made by it. Pods and Services are looked after elsewhere, with the hosts of other programs. */
const KINDS: ReadonlySet<string> = new Set(['StatefulSet', 'Deployment', 'Node'])
const VERBS: ReadonlySet<string> = new Set(['annotate', 'delete', 'describe', 'get', 'label', 'patch', 'rollout', 'scale', 'set', 'wait'])
const NODE_VERBS: ReadonlySet<string> = new Set(['cordon', 'uncordon', 'drain', 'taint'])
const MOST_LISTED = 12

/** Names in a kubectl command that the cluster does not have when the runbook begins: a namespace, a StatefulSet, a Deployment, a node; each with what there is. @param verb of kubectl */
export function absentNames(kube: Kubernetes, verb: string, args: Arguments): readonly Finding[] {
  const namespace = args.flags.get('namespace')
  if (namespace !== undefined && !namespace.includes('$') && namespace !== kube.options.namespace && !BUILT_IN_NAMESPACES.has(namespace)) {
    return [{ severity: 'error', message: `there is no namespace \`${namespace}\`: this cluster lives in \`${kube.options.namespace}\`. Add \`--set cluster.kubernetes.namespace=${namespace}\`, or \`cluster: { kubernetes: { namespace: ${namespace} } }\` in the scenario`, object: namespace, elsewhere: true }]
  }
  if (namespace !== undefined && namespace !== kube.options.namespace) return []
  return named(verb, args).flatMap(([type, name]) => (name === '' || name.includes('$') || !/^[a-z0-9]/.test(name) || find(kube, type, name, kube.options.namespace) !== undefined ? [] : [{ severity: 'error' as const, message: `there is no ${type.singular} \`${name}\` when the runbook begins. ${listed(kube, type)}`, object: name }]))
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
