import { NEVER, type Process, TIMED_OUT, type Us, within } from '../../../src/kernel/index.ts'
import type { Output } from '../../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes.ts'
import { type DeploymentSpec, type KubeObject, type StatefulSetSpec, timestamp } from '../objects.ts'
import type { Revisions } from '../revisions.ts'
import { deploymentStatus, statefulSetStatus } from './present.ts'
import { type Found, qualified } from './resources.ts'
import { durationOf } from './values.ts'
import { CliError, type Context, joined, targets, unknownTypes, type Verb } from './verb.ts'
import { editable, store } from './write.ts'

const ACTIONS = ['status', 'restart', 'undo', 'history', 'pause', 'resume']

export const rollout: Verb = {
  name: 'rollout',
  summary: 'follows, restarts, pauses or reverts a rollout',
  flags: { timeout: 'duration', watch: 'optional', selector: 'text' },

  check(args, kube) {
    const action = args.positional[0] ?? ''
    if (!ACTIONS.includes(action)) return [`kubectl rollout ${action} is not modelled; there are: ${ACTIONS.join(', ')}`]
    return unknownTypes({ ...args, positional: args.positional.slice(1) }, kube)
  },

  intent: ({ positional: [action] }) => (action === 'status' ? 'waits' : action === 'history' ? 'reads' : 'acts'),

  *run(c): Process<Output> {
    const [action, ...words] = c.args.positional
    const { found, missing } = targets(c, words)
    if (missing.length > 0) throw missing[0] as CliError
    const f = found[0]
    if (f === undefined) throw new CliError('error: required resource not specified')
    if (f.type.kind !== 'StatefulSet' && f.type.kind !== 'Deployment') throw new CliError(`error: no rollout ${action === 'status' ? 'status viewer' : 'manager'} has been implemented for "${f.type.kind}"`)
    if (action === 'status') return yield* status(c, f)
    if (action === 'restart') return restart(c, f)
    if (action === 'undo') return undo(c, f)
    if (action === 'pause' || action === 'resume') return pause(c, f, action === 'pause')
    return history(c, f)
  },
}

function revisionsOf(kube: Kubernetes, f: Found, object: KubeObject): Revisions {
  return f.type.kind === 'StatefulSet' ? kube.statefulSets.revisionsOf(f.key, object.spec as unknown as StatefulSetSpec) : kube.deployments.revisionsOf(f.key, object.spec as unknown as DeploymentSpec)
}

function* status(c: Context, f: Found): Process<Output> {
  const limit = c.args.flags.get('timeout')
  const limitUs = durationOf(limit, 0) || NEVER
  const deadline = c.kube.sim.now + limitUs
  let out = ''
  let last = ''
  for (;;) {
    const seen = f.type.kind === 'StatefulSet' ? setProgress(c.kube, f) : deploymentProgress(c.kube, f)
    if (seen.text !== last) out += `${seen.text}\n`
    last = seen.text
    if (seen.done || c.args.flags.get('watch') === 'false') return { out, err: '', code: 0 }
    const overdueUs = f.type.kind === 'Deployment' ? overdue(c.kube, f) : NEVER
    if (c.kube.sim.now >= overdueUs) return { out, err: `error: deployment "${f.name}" exceeded its progress deadline\n`, code: 1 }
    const untilUs = Math.min(deadline, overdueUs)
    const woken = yield within(c.kube.changed, untilUs === NEVER ? NEVER : Math.max(0, untilUs - c.kube.sim.now))
    if (woken === TIMED_OUT && c.kube.sim.now >= deadline) return { out, err: 'error: timed out waiting for the condition\n', code: 1 }
  }
}

function overdue(kube: Kubernetes, f: Found): Us {
  const spec = kube.store.get('Deployment', f.key)?.spec as DeploymentSpec | undefined
  return spec === undefined ? NEVER : kube.deployments.overdueUs(f.key, spec)
}

interface Progress {
  readonly text: string
  readonly done: boolean
}

function setProgress(kube: Kubernetes, f: Found): Progress {
  const entry = kube.store.entry(f.type.kind, f.key)
  if (entry === undefined) throw new CliError(`error: object has been deleted`)
  const spec = entry.object.spec as unknown as StatefulSetSpec
  if (spec.updateStrategy?.type === 'OnDelete') throw new CliError('error: rollout status is only available for RollingUpdate strategy type')
  const s = statefulSetStatus(kube, f.key, entry) as Record<'readyReplicas' | 'updatedReplicas' | 'replicas', number> & Record<'updateRevision' | 'currentRevision', string>
  const replicas = spec.replicas ?? 1
  if (s.readyReplicas < replicas) return { text: `Waiting for ${replicas - s.readyReplicas} pods to be ready...`, done: false }
  const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0
  if (partition > 0) {
    const wanted = replicas - partition
    if (s.updatedReplicas < wanted) return { text: `Waiting for partitioned roll out to finish: ${s.updatedReplicas} out of ${wanted} new pods have been updated...`, done: false }
    return { text: `partitioned roll out complete: ${s.updatedReplicas} new pods have been updated...`, done: true }
  }
  if (s.updateRevision !== s.currentRevision) return { text: `waiting for statefulset rolling update to complete ${s.updatedReplicas} pods at revision ${s.updateRevision}...`, done: false }
  return { text: `statefulset rolling update complete ${s.replicas} pods at revision ${s.currentRevision}...`, done: true }
}

function deploymentProgress(kube: Kubernetes, f: Found): Progress {
  const entry = kube.store.entry(f.type.kind, f.key)
  if (entry === undefined) throw new CliError('error: object has been deleted')
  const replicas = (entry.object.spec as unknown as DeploymentSpec).replicas ?? 1
  const s = deploymentStatus(kube, f.key, entry) as Record<'replicas' | 'updatedReplicas' | 'availableReplicas', number>
  const waiting = (why: string) => ({ text: `Waiting for deployment "${f.name}" rollout to finish: ${why}...`, done: false })
  if (s.updatedReplicas < replicas) return waiting(`${s.updatedReplicas} out of ${replicas} new replicas have been updated`)
  if (s.replicas > s.updatedReplicas) return waiting(`${s.replicas - s.updatedReplicas} old replicas are pending termination`)
  if (s.availableReplicas < s.updatedReplicas) return waiting(`${s.availableReplicas} of ${s.updatedReplicas} updated replicas are available`)
  return { text: `deployment "${f.name}" successfully rolled out`, done: true }
}

/** Only a Deployment can be held: changes of its template then wait for `resume` (rule K8S-DEPLOYMENT-2). */
function pause(c: Context, f: Found, on: boolean): Output {
  const named = `${f.type.plural}.${f.type.group} "${f.name}"`
  if (f.type.kind !== 'Deployment') throw new CliError(`error: ${named} ${on ? 'pausing' : 'resuming'} is not supported`)
  const object = editable(c.kube, f)
  if (isPaused(object) === on) throw new CliError(`error: ${named} is ${on ? 'already' : 'not'} paused`)
  store(c.kube, f, { ...object, spec: { ...object.spec, paused: on } })
  return joined([`${qualified(f.type, f.name)} ${on ? 'paused' : 'resumed'}`], [])
}

function isPaused(object: KubeObject): boolean {
  return (object.spec as DeploymentSpec | undefined)?.paused === true
}

/** A restart is a template change: an annotation with the time. */
function restart(c: Context, f: Found): Output {
  const object = editable(c.kube, f)
  if (isPaused(object)) throw new CliError(`error: ${f.type.plural}.${f.type.group} "${f.name}" can't restart paused deployment (run rollout resume first)`)
  const spec = object.spec as unknown as StatefulSetSpec
  const template = { ...spec.template, metadata: { ...spec.template.metadata, annotations: { ...spec.template.metadata?.annotations, 'kubectl.kubernetes.io/restartedAt': timestamp(c.kube.sim.now) } } }
  store(c.kube, f, { ...object, spec: { ...object.spec, template } })
  return joined([`${qualified(f.type, f.name)} restarted`], [])
}

function undo(c: Context, f: Found): Output {
  const object = editable(c.kube, f)
  if (isPaused(object)) throw new CliError("error: cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
  const revisions = revisionsOf(c.kube, f, object)
  const previous = revisions.history[revisions.history.length - 2]
  if (previous === undefined) throw new CliError(`error: no rollout history found for ${f.type.singular} "${f.name}"`)
  store(c.kube, f, { ...object, spec: { ...object.spec, template: revisions.template(previous) } })
  return joined([`${qualified(f.type, f.name)} rolled back`], [])
}

function history(c: Context, f: Found): Output {
  const revisions = revisionsOf(c.kube, f, editable(c.kube, f))
  return joined([qualified(f.type, f.name), 'REVISION  CHANGE-CAUSE', ...revisions.history.map((_, i) => `${i + 1}         <none>`)], [])
}
