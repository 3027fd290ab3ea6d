import { NEVER, type Process } from '../../../src/kernel/index.ts'
import type { Output } from '../../../src/operator/command.ts'
import { empty } from '../eviction.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { KubeNode } from '../node.ts'
import type { Pod } from '../pod.ts'
import { safeHash } from '../revisions.ts'
import { list, resourceType, selectorMatches } from './resources.ts'
import { durationOf } from './values.ts'
import { CliError, type Context, joined, notFound, type Verb } from './verb.ts'

const NODE = resourceType('nodes')

function nodesOf(c: Context): KubeNode[] {
  if (NODE === undefined) throw new Error('kubectl: no nodes')
  const selector = c.args.flags.get('selector')
  if (selector !== undefined) return list(c.kube, NODE, undefined, selector).map(f => c.kube.nodes.get(f.name) as KubeNode)
  if (c.args.positional.length === 0) throw new CliError(`error: USAGE: kubectl ${c.call.argv[1]} NODE [flags]`)
  return c.args.positional.map(word => {
    const name = word.replace(/^nodes?\//, '')
    const node = c.kube.nodes.get(name)
    if (node === undefined) throw notFound(NODE, name)
    return node
  })
}

function cordonVerb(name: string, cordoned: boolean): Verb {
  return {
    name,
    summary: cordoned ? 'marks a node unschedulable' : 'marks a node schedulable',
    flags: { selector: 'text' },
    *run(c) {
      return joined(nodesOf(c).map(node => mark(c.kube, node, cordoned)), [])
    },
  }
}

export const cordon = cordonVerb('cordon', true)
export const uncordon = cordonVerb('uncordon', false)

function mark(kube: Kubernetes, node: KubeNode, cordoned: boolean): string {
  const word = cordoned ? 'cordoned' : 'uncordoned'
  if (node.unschedulable === cordoned) return `node/${node.name} already ${word}`
  kube.nodes$.cordon(node, cordoned)
  return `node/${node.name} ${word}`
}

export const drain: Verb = {
  name: 'drain',
  summary: 'cordons a node and evicts its pods',
  flags: { selector: 'text', 'ignore-daemonsets': 'optional', 'delete-emptydir-data': 'optional', force: 'optional', 'grace-period': 'int', timeout: 'duration', 'pod-selector': 'text', 'disable-eviction': 'optional', 'skip-wait-for-delete-timeout': 'int', 'delete-local-data': 'optional' },
  check: args => (args.flags.has('disable-eviction') ? ['`kubectl drain --disable-eviction` is not modelled (it deletes pods past their budgets)'] : args.flags.has('skip-wait-for-delete-timeout') ? ['`kubectl drain --skip-wait-for-delete-timeout` is not modelled'] : []),

  *run(c): Process<Output> {
    const { kube, args } = c
    const limit = args.flags.get('timeout')
    const limitUs = durationOf(limit, 0) || NEVER
    const grace = Number(args.flags.get('grace-period') ?? '-1')
    const deadlineUs = kube.sim.now + limitUs
    let out = ''
    let err = ''
    for (const node of nodesOf(c)) {
      out += `${mark(kube, node, true)}\n`
      const { pods, refusals, warnings } = evictable(c, node)
      if (refusals.length > 0) {
        err += `error: unable to drain node "${node.name}" due to error: [${refusals.join(', ')}], continuing command...\nThere are pending nodes to be drained:\n ${node.name}\n${refusals.map(r => `${r}\n`).join('')}`
        return { out, err, code: 1 }
      }
      err += warnings
      const emptied = yield* empty(kube, pods, grace < 0 ? undefined : grace, deadlineUs)
      out += emptied.out
      err += emptied.err
      const left = [...emptied.failed.keys(), ...emptied.terminating, ...emptied.refused]
      if (left.length > 0) {
        const why = left.map(p => (emptied.failed.has(p) ? `error when evicting pods/"${p.name}" -n "${p.namespace}": ${emptied.failed.get(p)}` : emptied.refused.includes(p) ? `error when evicting pods/"${p.name}" -n "${p.namespace}": global timeout reached: ${goDuration(limitUs)}` : `error when waiting for pod "${p.name}" in namespace "${p.namespace}" to terminate: global timeout reached: ${goDuration(limitUs)}`))
        err += `There are pending nodes to be drained:\n ${node.name}\nerror: unable to drain node "${node.name}" due to error: [${why.join(', ')}], continuing command...\n`
        return { out, err, code: 1 }
      }
      out += `node/${node.name} drained\n`
    }
    return { out, err, code: 0 }
  },
}

/** The pods that a drain would evict, and the reasons for which it will not begin. */
function evictable(c: Context, node: KubeNode): { pods: Pod[]; refusals: string[]; warnings: string } {
  const { kube, args } = c
  const selector = args.flags.get('pod-selector')
  const pods = kube.pods$.list().filter(p => p.node === node.name && (selector === undefined || selectorMatches(selector, p.labels)))
  const names = (some: readonly Pod[]) => some.map(p => `${p.namespace}/${p.name}`).join(', ')
  const daemons = daemonPods(kube, node)
  const refusals: string[] = []
  let warnings = ''
  if (daemons.length > 0 && selector === undefined) {
    if (args.flags.has('ignore-daemonsets')) warnings += `Warning: ignoring DaemonSet-managed Pods: ${daemons.join(', ')}\n`
    else refusals.push(`cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): ${daemons.join(', ')}`)
  }
  const local = pods.filter(p => !p.finished && (p.spec.volumes ?? []).some(v => v.emptyDir !== undefined))
  if (local.length > 0 && !args.flags.has('delete-emptydir-data') && !args.flags.has('delete-local-data')) refusals.push(`cannot delete Pods with local storage (use --delete-emptydir-data to override): ${names(local)}`)
  const bare = pods.filter(p => !p.finished && p.owner === undefined)
  if (bare.length > 0) {
    if (args.flags.has('force')) warnings += `Warning: deleting Pods that declare no controller: ${names(bare)}\n`
    else refusals.push(`cannot delete Pods that declare no controller (use --force to override): ${names(bare)}`)
  }
  return { pods, refusals, warnings }
}

/** The DaemonSet pods of a node: always there, never evicted, so only their names are modelled. */
function daemonPods(kube: Kubernetes, node: KubeNode): string[] {
  return kube.options.daemonSets.map(name => `kube-system/${name}-${safeHash(`${name}/${node.name}`, 5)}`)
}

/** A duration as Go prints it: `5m0s`, `1h0m0s`, `30s`. */
function goDuration(us: number): string {
  const s = us / 1_000_000
  const h = Math.floor(s / 3600)
  const m = Math.floor(s / 60) % 60
  const rest = `${s % 60}s`
  return h > 0 ? `${h}h${m}m${rest}` : m > 0 ? `${m}m${rest}` : rest
}
