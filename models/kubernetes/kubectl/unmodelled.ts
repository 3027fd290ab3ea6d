/** Fields of manifests that would change what happens and are not modelled: refused by name instead of passed over (rule K8S-APPLY-2). */
import { parseAllDocuments } from 'yaml'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import { alike, type Affinity, type ContainerSpec, type KubeObject, type PodSpec } from '../objects.ts'

interface Refused {
  readonly what: string
  /** What is there instead, or what to do. */
  readonly instead: string
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc'] as const
const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist']
const POD_FIELDS: Readonly<Record<string, string>> = {
  priorityClassName: 'there are no priorities and no preemption', schedulerName: 'there is one scheduler', activeDeadlineSeconds: 'pods have no deadline', runtimeClassName: 'there is one runtime', hostNetwork: 'an engine’s own option says it, where it has one',
}
const SERVICE_FIELDS: Readonly<Record<string, string>> = { sessionAffinity: 'each new connection goes to any endpoint', internalTrafficPolicy: 'all nodes are alike to a Service', externalTrafficPolicy: 'all nodes are alike to a Service', externalName: 'a Service leads to pods' }
/** What these say by default. */
const AS_EVER: ReadonlySet<unknown> = new Set([undefined, null, false, '', 'None', 'Cluster', 'default-scheduler'])

/** Throws for the first field that is new or other than it was, and is not modelled. @throws UnsupportedError */
export function refuseUnmodelled(kube: Kubernetes, object: KubeObject, before: KubeObject | undefined): void {
  const ofOperator = before?.spec === undefined ? undefined : kube.unread.get(object.kind)?.(object.spec ?? {}, before.spec)
  const first = ofOperator ?? unmodelled(object, before)[0]
  if (first !== undefined) throw new UnsupportedError(`${first.what} of ${object.kind} ${object.metadata.name} is not modelled`, [first.instead])
}

/** What can be told of it before a run: a patch, or the documents of a file, as text. */
export function unmodelledIn(text: string): string[] {
  const found: string[] = []
  for (const document of parseAllDocuments(text)) {
    const value = 'toJS' in document && document.errors.length === 0 ? (document.toJS() as unknown) : undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    const items = (value as { items?: unknown }).items
    for (const each of Array.isArray(items) ? (items as KubeObject[]) : [value as KubeObject]) found.push(...unmodelled(each, undefined).map(({ what, instead }) => `${what} is not modelled: ${instead}`))
  }
  return found
}

function unmodelled(object: KubeObject, before: KubeObject | undefined): Refused[] {
  const spec = object.spec as Record<string, unknown> | undefined
  const old = before?.spec as Record<string, unknown> | undefined
  if (typeof spec !== 'object' || spec === null) return []
  const found: Refused[] = []
  const template = podSpec(object.spec)
  if (template !== undefined) found.push(...ofPod(template, podSpec(before?.spec)))
  for (const [field, instead] of Object.entries(SERVICE_FIELDS)) if (object.kind !== 'Pod' && !AS_EVER.has(spec[field]) && !alike(spec[field], old?.[field])) found.push({ what: `\`${field}\``, instead })
  if (spec.type === 'ExternalName' && old?.type !== 'ExternalName') found.push({ what: '`type: ExternalName`', instead: SERVICE_FIELDS.externalName as string })
  const start = (spec.ordinals as { start?: number } | undefined)?.start
  if (start !== undefined && start !== 0) found.push({ what: '`ordinals.start`', instead: 'ordinals begin at 0' })
  return found
}

/** The pod that a workload, or a job of a CronJob, makes; a Pod's own spec. */
function podSpec(spec: unknown): PodSpec | undefined {
  const { template, jobTemplate, containers } = (spec ?? {}) as { template?: { spec?: PodSpec }; jobTemplate?: { spec?: unknown }; containers?: unknown }
  if (jobTemplate !== undefined) return podSpec(jobTemplate.spec)
  return template?.spec ?? (Array.isArray(containers) ? (spec as PodSpec) : undefined)
}

function ofPod(spec: PodSpec, before: PodSpec | undefined): Refused[] {
  const found: Refused[] = []
  for (const [field, instead] of Object.entries(POD_FIELDS)) if (!AS_EVER.has(spec[field]) && !alike(spec[field], before?.[field])) found.push({ what: `\`${field}\``, instead })
  for (const container of spec.containers ?? []) found.push(...ofContainer(container, before?.containers.find(({ name }) => name === container.name)))
  const images = [...(spec.containers ?? []), ...(before?.containers ?? [])].map(({ image }) => repository(image))
  for (const { name, image } of spec.initContainers ?? []) {
    if (image === undefined || images.includes(repository(image)) || images.every(known => known === '')) continue
    if (before?.initContainers?.some(each => each.name === name) !== true) found.push({ what: `the init container \`${name}\` (${image})`, instead: 'init containers of the program’s own image are run; what others wait for would never be waited for here' })
  }
  found.push(...ofAffinity(spec.affinity, before?.affinity))
  return found
}

function ofContainer(container: ContainerSpec, before: ContainerSpec | undefined): Refused[] {
  const found: Refused[] = []
  for (const probe of ['livenessProbe', 'startupProbe'] as const) {
    if (AS_EVER.has(container[probe]) || alike(container[probe], before?.[probe])) continue
    found.push({ what: `\`${probe}\` of the container \`${container.name}\``, instead: 'no probe restarts a container here: leave it out of what is rehearsed, and see yourself how long a start, a recovery or a stalled server may take under it' })
  }
  const probe = container.readinessProbe as Record<string, unknown> | undefined
  const old = before?.readinessProbe as Record<string, unknown> | undefined
  for (const handler of HANDLERS) {
    const asked = probe?.[handler]
    if (AS_EVER.has(asked) || alike(asked, old?.[handler]) || isUsual(handler, asked, container)) continue
    found.push({ what: `what the \`readinessProbe\` of the container \`${container.name}\` asks (\`${handler}\` of a port that the container does not declare)`, instead: 'a probe asks the server itself, at the port where that listens; its times and thresholds count' })
  }
  return found
}

/** A probe that asks the container's own server: a command that names no port, or a port that the container declares. */
function isUsual(handler: (typeof HANDLERS)[number], asked: unknown, container: ContainerSpec): boolean {
  if (typeof asked !== 'object' || asked === null) return true
  if (handler === 'exec') return !/(^|\s)(-p|--port)[\s=]*['"]?\d/.test((((asked as { command?: unknown }).command ?? []) as string[]).join(' '))
  const { port } = asked as { port?: unknown }
  return ((container.ports ?? []) as { name?: string; containerPort?: number }[]).some(each => each.containerPort === Number(port) || (each.name !== undefined && each.name === port))
}

function ofAffinity(affinity: Affinity | undefined, before: Affinity | undefined): Refused[] {
  if (affinity === undefined || alike(affinity, before)) return []
  const found: Refused[] = []
  if ((affinity as { podAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: unknown } }).podAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined) found.push({ what: 'a required `podAffinity`', instead: 'there are nodeAffinity, podAntiAffinity and topologySpreadConstraints' })
  for (const term of affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []) {
    if ((term as { matchFields?: unknown }).matchFields !== undefined) found.push({ what: '`matchFields` of a nodeAffinity', instead: 'there is matchExpressions' })
    const other = term.matchExpressions?.find(({ operator }) => !OPERATORS.includes(operator))
    if (other !== undefined) found.push({ what: `the operator \`${other.operator}\` of a nodeAffinity`, instead: `there are ${OPERATORS.join(', ')}` })
  }
  return found
}

/** `registry/shop/postgres:15.8` → `postgres`. */
function repository(image: string | undefined): string {
  return (image ?? '').replace(/@.*$/, '').replace(/:[^/:]*$/, '').split('/').at(-1) ?? ''
}
