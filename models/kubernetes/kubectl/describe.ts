import { stringify } from 'yaml'
import { ok } from '../../../src/operator/command.ts'
import type { Found } from './resources.ts'
import { type Context, targets, unknownTypes, type Verb } from './verb.ts'

/** A short form of what kubectl prints: name, labels, spec and status. Events are in the trace instead. */
export const describe: Verb = {
  name: 'describe',
  summary: 'prints an object for people (short form)',
  flags: { selector: 'text' },
  check: (args, kube) => unknownTypes(args, kube),
  look(c) {
    const { found, missing } = targets(c)
    const err = missing.map(e => `${e.message}\n`).join('')
    return { output: { ...ok(found.map(f => one(c, f)).join('\n\n')), err, code: missing.length > 0 ? 1 : 0 }, afterUs: 0, stableUntilUs: c.kube.sim.now }
  },
}

/** Where a pod is; what keeps pods off a node. */
function more({ spec, status }: ReturnType<Found['json']>, f: Found): string[][] {
  if (f.type.kind === 'Pod') {
    const node = (spec as { nodeName?: string } | undefined)?.nodeName
    const host = (status as { hostIP?: string } | undefined)?.hostIP
    return [['Node:', node === undefined ? '<none>' : host === undefined ? node : `${node}/${host}`]]
  }
  if (f.type.kind !== 'Node') return []
  const { taints = [], unschedulable = false } = (spec ?? {}) as { taints?: { key: string; value?: string; effect: string }[]; unschedulable?: boolean }
  return [['Taints:', taints.map(t => `${t.key}${t.value === undefined || t.value === '' ? '' : `=${t.value}`}:${t.effect}`).join('\n                  ') || '<none>'], ['Unschedulable:', String(unschedulable)]]
}

function one(c: Context, f: Found): string {
  const o = f.json()
  const labels = Object.entries(f.labels).map(([k, v]) => `${k}=${v}`)
  const head = [
    ['Name:', f.name],
    ...(f.type.namespaced ? [['Namespace:', f.namespace]] : []),
    ...more(o, f),
    ['Labels:', labels.join(',') || '<none>'],
    ...(f.type.kind === 'Pod' ? [['Status:', String((o.status as { phase?: unknown } | undefined)?.phase ?? '')], ['IP:', String((o.status as { podIP?: unknown } | undefined)?.podIP ?? '')]] : []),
    ...(f.type.kind === 'Service' ? [['Endpoints:', c.kube.services.wanted(f.key).map(p => p.podIP).join(',') || '<none>']] : []),
  ]
  const lines = head.map(([k, v]) => `${(k as string).padEnd(18)}${v}\n`).join('')
  // A pod's own `Status:` is its phase.
  if (f.type.kind === 'Pod') return lines + stringify({ Spec: o.spec, Conditions: (o.status as { conditions?: unknown } | undefined)?.conditions ?? [], 'Container Statuses': (o.status as { containerStatuses?: unknown } | undefined)?.containerStatuses ?? [] })
  return lines + stringify({ ...(o.spec === undefined ? {} : { Spec: o.spec }), ...(o.data === undefined ? {} : { Data: o.data }), ...(o.status === undefined ? {} : { Status: o.status }) })
}
