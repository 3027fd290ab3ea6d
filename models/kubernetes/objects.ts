/** The API objects as plain JSON, and the small arithmetic on them: selectors, quantities, timestamps. */
import type { Us } from '../../src/kernel/index.ts'

export type Labels = Record<string, string>

export interface Meta {
  name: string
  namespace?: string
  labels?: Labels
  annotations?: Record<string, string>
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  [field: string]: unknown
}

/** Any API object. The control plane keeps it as it was given and adds uid, resourceVersion and generation. */
export interface KubeObject {
  apiVersion?: string
  kind: string
  metadata: Meta
  spec?: Record<string, unknown> | undefined
  data?: Record<string, string> | undefined
  status?: Record<string, unknown> | undefined
  [field: string]: unknown
}

export interface Probe {
  initialDelaySeconds?: number
  periodSeconds?: number
  timeoutSeconds?: number
  failureThreshold?: number
  successThreshold?: number
}

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: { configMapKeyRef?: { name: string; key: string }; secretKeyRef?: { name: string; key: string }; fieldRef?: { fieldPath: string } }
}

export interface ContainerSpec {
  name: string
  image: string
  env?: EnvVar[]
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[]
  readinessProbe?: Probe
  volumeMounts?: { name: string; mountPath?: string; subPath?: string }[]
  resources?: { requests?: { cpu?: string | number; memory?: string | number } }
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  lifecycle?: { preStop?: { exec?: { command: string[] }; sleep?: { seconds: number } } }
  command?: string[]
  args?: string[]
  [field: string]: unknown
}

export interface VolumeSpec {
  name: string
  persistentVolumeClaim?: { claimName: string }
  configMap?: { name: string }
  secret?: { secretName: string }
  emptyDir?: object
  [field: string]: unknown
}

export interface Toleration {
  key?: string
  operator?: 'Exists' | 'Equal'
  value?: string
  effect?: string
  tolerationSeconds?: number
}

export interface SelectorTerm {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  values?: string[]
}

export interface Affinity {
  nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms: { matchExpressions?: SelectorTerm[] }[] } }
  podAntiAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: { labelSelector: LabelSelector; topologyKey: string }[] }
}

export interface SpreadConstraint {
  maxSkew: number
  topologyKey: string
  whenUnsatisfiable?: 'DoNotSchedule' | 'ScheduleAnyway'
  labelSelector?: LabelSelector
  minDomains?: number
  matchLabelKeys?: string[]
  nodeTaintsPolicy?: 'Honor' | 'Ignore'
}

export interface PodSpec {
  containers: ContainerSpec[]
  initContainers?: ContainerSpec[]
  volumes?: VolumeSpec[]
  nodeSelector?: Labels
  nodeName?: string
  affinity?: Affinity
  topologySpreadConstraints?: SpreadConstraint[]
  tolerations?: Toleration[]
  terminationGracePeriodSeconds?: number
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  hostname?: string
  subdomain?: string
  [field: string]: unknown
}

export interface PodTemplate {
  metadata?: { labels?: Labels; annotations?: Record<string, string> }
  spec: PodSpec
}

export interface LabelSelector {
  matchLabels?: Labels
  matchExpressions?: SelectorTerm[]
}

export interface StatefulSetSpec {
  replicas?: number
  serviceName?: string
  selector?: LabelSelector
  template: PodTemplate
  podManagementPolicy?: 'OrderedReady' | 'Parallel'
  minReadySeconds?: number
  updateStrategy?: { type?: 'RollingUpdate' | 'OnDelete'; rollingUpdate?: { partition?: number } }
  volumeClaimTemplates?: { metadata: { name: string }; spec?: Record<string, unknown> }[]
  persistentVolumeClaimRetentionPolicy?: { whenScaled?: 'Retain' | 'Delete'; whenDeleted?: 'Retain' | 'Delete' }
  [field: string]: unknown
}

export interface DeploymentSpec {
  replicas?: number
  minReadySeconds?: number
  progressDeadlineSeconds?: number
  selector?: LabelSelector
  template: PodTemplate
  strategy?: { type?: 'RollingUpdate' | 'Recreate'; rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string } }
  [field: string]: unknown
}

export interface ServiceSpec {
  selector?: Labels
  clusterIP?: string
  ports?: { name?: string; port: number; targetPort?: number | string }[]
  publishNotReadyAddresses?: boolean
  type?: string
  [field: string]: unknown
}

/** Whether all pairs of `wanted` are among `labels`. An empty or absent selector selects nothing (as in a Service). */
export function matchesAll(wanted: Labels | undefined, labels: Labels): boolean {
  if (wanted === undefined) return false
  let any = false
  for (const key in wanted) {
    any = true
    if (labels[key] !== String(wanted[key])) return false
  }
  return any
}

/** Whether one requirement of a set-based selector holds. */
export function matchesTerm(term: SelectorTerm, labels: Labels): boolean {
  const value = labels[term.key]
  switch (term.operator) {
    case 'In':
      return value !== undefined && (term.values ?? []).includes(value)
    case 'NotIn':
      return value === undefined || !(term.values ?? []).includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}

/** Whether a LabelSelector (matchLabels AND matchExpressions) selects. An empty selector selects everything, an absent one nothing. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false
  for (const key in selector.matchLabels ?? {}) if (labels[key] !== selector.matchLabels?.[key]) return false
  return (selector.matchExpressions ?? []).every(term => matchesTerm(term, labels))
}

const SUFFIX: Record<string, number> = { n: 1e-9, u: 1e-6, m: 0.001, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, Ki: 1024, Mi: 1_048_576, Gi: 1_073_741_824, Ti: 1_099_511_627_776, Pi: 1_125_899_906_842_624, Ei: 1_152_921_504_606_846_976 }
const QUANTITY = /^(\d+\.?\d*|\.\d+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?\d+)?$/

/** A resource quantity (`500m`, `2`, `4Gi`) as a number of its base unit. @throws Error when it is none */
export function quantity(text: string | number | undefined): number {
  if (text === undefined) return 0
  if (typeof text === 'number') return text
  const match = QUANTITY.exec(text)
  if (match === null) throw new Error(`kubernetes: \`${text}\` is no resource quantity`)
  if (match[2] !== undefined && /^[eE][-+]?\d/.test(match[2])) return Number(match[0])
  return Number(match[1]) * (match[2] === undefined ? 1 : (SUFFIX[match[2]] as number))
}

/** The first amount under a `requests` or `limits` of a manifest that is none; undefined when all are. The API server refuses such an object. */
export function badQuantity(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const amounts = (key === 'requests' || key === 'limits') && typeof inner === 'object' && inner !== null ? Object.values(inner as Record<string, unknown>) : []
    const bad = amounts.find(amount => !(typeof amount === 'number' || (typeof amount === 'string' && QUANTITY.test(amount))))
    if (bad !== undefined) return String(bad)
    const deeper = badQuantity(inner)
    if (deeper !== undefined) return deeper
  }
  return undefined
}

/** `25%` of `of` or a plain count, rounded up or down. */
export function countOrShare(value: number | string | undefined, of: number, fallback: number | string, round: 'up' | 'down'): number {
  const v = value ?? fallback
  if (typeof v === 'number') return v
  const match = /^(\d+)%$/.exec(v)
  if (match === null) return Number(v)
  const exact = (of * Number(match[1])) / 100
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact)
}

/** The virtual clock's calendar: the story starts on 1 January 2026. Gives `2026-01-01T00:00:00Z` (UTC, whole seconds). */
export function timestamp(us: Us): string {
  const total = Math.floor(us / 1_000_000)
  let text = written.get(total)
  if (text === undefined) {
    if (written.size >= TIMESTAMPS_KEPT) written.clear()
    written.set(total, (text = civil(total)))
  }
  return text
}

/** The instants of a cluster are told again and again. */
const written = new Map<number, string>()
const TIMESTAMPS_KEPT = 5_000

/** A second of the story in the calendar. */
function civil(total: number): string {
  const days = Math.floor(total / 86_400)
  const rest = total - days * 86_400
  // Civil date from days (H. Hinnant), with 1 March 2024 (Z below) as origin so that leap days come last in a cycle.
  const z = days + 671
  const era = Math.floor(z / 146_097)
  const doe = z - era * 146_097
  const yoe = Math.floor((doe - Math.floor(doe / 1460)) / 365)
  const doy = doe - (365 * yoe + Math.floor(yoe / 4))
  const mp = Math.floor((5 * doy + 2) / 153)
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1
  const month = mp < 10 ? mp + 3 : mp - 9
  const year = 2024 + yoe + (month <= 2 ? 1 : 0)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${year}-${two(month)}-${two(day)}T${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}Z`
}

/** An age as kubectl prints it (`12s`, `5m3s`, `42m`, `3h20m`, `2d`). */
export function age(us: Us): string {
  const s = Math.max(0, Math.floor(us / 1_000_000))
  if (s < 120) return `${s}s`
  const m = Math.floor(s / 60)
  if (m < 10) return s % 60 === 0 ? `${m}m` : `${m}m${s % 60}s`
  if (m < 180) return `${m}m`
  const h = Math.floor(m / 60)
  if (h < 8) return m % 60 === 0 ? `${h}h` : `${h}h${m % 60}m`
  if (h < 48) return `${h}h`
  return `${Math.floor(h / 24)}d${h % 24 === 0 || h >= 192 ? '' : `${h % 24}h`}`
}

/** A deep copy of plain JSON. */
export function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copy) as T
  if (value !== null && typeof value === 'object') {
    const out: Record<string, unknown> = {}
    for (const key of Object.keys(value)) out[key] = copy((value as Record<string, unknown>)[key])
    return out as T
  }
  return value
}

/** Makes plain JSON unchangeable, all the way down, so that rehearsals can share it. Gives the same value. */
export function frozen<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}

/** JSON with sorted keys: equal values give equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? 'null'
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isComposite(value)) return value
  const out: Record<string, unknown> = {}
  for (const key of Object.keys(value).sort()) out[key] = sorted(value[key])
  return out
}

/** Whether two values have the same {@link canonical} JSON, without writing it down. */
export function alike(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (!isComposite(a) || !isComposite(b)) return !isComposite(a) && !isComposite(b) && canonical(a) === canonical(b)
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => alike(item, b[i]))
  let open = 0
  for (const key of Object.keys(a)) {
    if (a[key] === undefined) continue
    if (b[key] === undefined || !alike(a[key], b[key])) return false
    open += 1
  }
  for (const key of Object.keys(b)) if (b[key] !== undefined) open -= 1
  return open === 0
}

/** Where two values differ: the paths of their leaves, as `a.b.0.c`. */
export function differences(a: unknown, b: unknown, path = ''): string[] {
  if (alike(a, b)) return []
  if ((!isComposite(a) && a !== undefined) || (!isComposite(b) && b !== undefined) || (a === undefined && b === undefined)) return [path]
  const [x, y] = [(a ?? {}) as Record<string, unknown>, (b ?? {}) as Record<string, unknown>]
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].sort().flatMap(key => differences(x[key], y[key], path === '' ? key : `${path}.${key}`))
}

function isComposite(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object'
}
