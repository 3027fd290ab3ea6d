/** What the API server fills in where a manifest says nothing: clients read it, and a JSON patch may replace it (rule K8S-DEFAULT-1). Source: kubernetes pkg/apis/apps/v1/defaults.go. */
import type { KubeObject } from './objects.ts'

type Fields = Readonly<Record<string, unknown>>

const STATEFUL_SET: Fields = { podManagementPolicy: 'OrderedReady', replicas: 1, revisionHistoryLimit: 10, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } }
const DEPLOYMENT: Fields = { progressDeadlineSeconds: 600, replicas: 1, revisionHistoryLimit: 10 }
const SURGE: Fields = { maxSurge: '25%', maxUnavailable: '25%' }

const filled = new WeakMap<KubeObject, KubeObject>()

/** The object with the defaults of its kind in its spec. That of the pod template stays as it is written: filled in, it would be another revision. */
export function withDefaults(object: KubeObject): KubeObject {
  if (object.kind !== 'StatefulSet' && object.kind !== 'Deployment') return object
  let made = filled.get(object)
  if (made === undefined) filled.set(object, (made = { ...object, spec: object.kind === 'StatefulSet' ? ofSet(object.spec as Fields | undefined) : ofDeployment(object.spec as Fields | undefined) }))
  return made
}

function ofSet(spec: Fields = {}): Record<string, unknown> {
  const strategy = (spec.updateStrategy ?? {}) as Fields
  const type = strategy.type ?? 'RollingUpdate'
  const rolling = type === 'RollingUpdate' ? { rollingUpdate: { partition: 0, ...(strategy.rollingUpdate as Fields | undefined) } } : {}
  return { ...STATEFUL_SET, ...spec, updateStrategy: { ...strategy, ...rolling, type } }
}

function ofDeployment(spec: Fields = {}): Record<string, unknown> {
  const strategy = (spec.strategy ?? {}) as Fields
  const type = strategy.type ?? 'RollingUpdate'
  const rolling = type === 'RollingUpdate' ? { rollingUpdate: { ...SURGE, ...(strategy.rollingUpdate as Fields | undefined) } } : {}
  return { ...DEPLOYMENT, ...spec, strategy: { ...strategy, ...rolling, type } }
}

const WHOLE_NUMBERS = ['replicas', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'] as const

/** A field of a workload that must be a whole number and is none (`"0"` in quotes), by its path; undefined when all are. */
export function noWholeNumber({ kind, spec }: KubeObject): string | undefined {
  if (kind !== 'StatefulSet' && kind !== 'Deployment') return undefined
  const fields = (spec ?? {}) as Fields
  const partition = ((fields.updateStrategy as Fields | undefined)?.rollingUpdate as Fields | undefined)?.partition
  const wrong = (value: unknown): boolean => value !== undefined && value !== null && !Number.isInteger(value)
  if (wrong(partition)) return 'spec.updateStrategy.rollingUpdate.partition'
  const field = WHOLE_NUMBERS.find(name => wrong(fields[name]))
  return field === undefined ? undefined : `spec.${field}`
}

const strategyOf = ({ spec }: KubeObject): Fields => ((spec as Fields | undefined)?.updateStrategy ?? {}) as Fields

/** The partition of a StatefulSet's rolling update. */
export const partitionOf = (object: KubeObject): number => Number(((strategyOf(object).rollingUpdate ?? {}) as Fields).partition ?? 0)

/** `OnDelete` beside a `rollingUpdate`, be it the one that the API server has filled in: it refuses that (rule K8S-DEFAULT-2). */
export function rollsOnDelete(object: KubeObject): boolean {
  if (object.kind !== 'StatefulSet') return false
  const { type, rollingUpdate } = strategyOf(object)
  return type === 'OnDelete' && rollingUpdate !== undefined && rollingUpdate !== null
}
