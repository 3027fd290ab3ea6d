/** The Argo Rollouts controller: a canary by steps (rules APP-CANARY-…). Pods are the platform's; this decides how many of which revision. */
import { defineEvent, parseDurationUs, type Task, type TimerId } from '../../src/kernel/index.ts'
import { countOrShare, type KubeObject, type PodTemplate } from '../kubernetes/objects.ts'
import { RevisionBook, safeHash } from '../kubernetes/revisions.ts'
import { type Analysis, analyse, type Verdict } from './monitoring/analysis.ts'
import type { CanaryStep } from './options.ts'
import type { World } from './world.ts'

const STEP = defineEvent('application.canary-step')
const ANALYSIS = defineEvent('application.analysis')

interface RolloutSpec {
  readonly replicas?: number
  readonly template: PodTemplate
  readonly strategy?: { readonly canary?: { readonly steps?: readonly CanaryStep[]; readonly maxSurge?: number | string; readonly maxUnavailable?: number | string; readonly trafficRouting?: object } }
}

/** How far one rollout has come. */
export interface Progress {
  stable: string
  update: string
  step: number
  pausedUntilUs: number | undefined
  aborted: boolean
  message: string
  timer: TimerId | undefined
  /** The analysis run of this step. */
  analysis: Task<Verdict> | undefined
}

export const KIND = 'Rollout'

/**
 * Pods of each revision at a weight, without traffic routing: of the nearest shares of whole pods the closest, with one pod more where there may be one, and of neither
 * revision none (facts BG-F24; argo-rollouts utils/replicaset/canary.go approximateWeightedCanaryStableReplicaCounts).
 * @param weight 0 … 100 @param surge how many pods more there may be
 */
export function canaryPods(replicas: number, weight: number, surge: number): { readonly canary: number; readonly stable: number } {
  const exact = (replicas * weight) / 100
  const whole = weight <= 0 || weight >= 100 || (replicas === 1 && surge === 0)
  const options: { readonly canary: number; readonly stable: number }[] = []
  for (const total of surge > 0 ? [replicas, replicas + 1] : [replicas]) {
    const above = Math.ceil(exact)
    const below = Math.floor(exact)
    if (above < total || whole) options.push({ canary: above, stable: total - above })
    // Of two that are as close the larger.
    const tied = (total * weight) / 100 === Math.floor((total * weight) / 100) + 0.5
    if (!tied && (below > 0 || whole)) options.push({ canary: below, stable: total - below })
  }
  const off = ({ canary, stable }: { readonly canary: number; readonly stable: number }): number => Math.abs((100 * canary) / (canary + stable) - weight)
  return options.reduce((best, each) => (off(each) < off(best) ? each : best), options[0] ?? { canary: 0, stable: replicas })
}

export class Rollouts {
  private readonly revisions = new RevisionBook()
  private readonly all = new Map<string, Progress>()

  constructor(private readonly world: World) {
    world.kubernetes.controllers.register(KIND, key => this.reconcile(key))
  }

  progress(key: string): Progress | undefined {
    return this.all.get(key)
  }

  enqueue(key: string): void {
    this.world.kubernetes.controllers.enqueue(KIND, key)
  }

  /** Ends the step that it is at, a pause or an analysis under way; `full` skips all that is left, after an abort, too (argo-rollouts promote.go getPatches, canary.go). */
  promote(key: string, full: boolean): void {
    const progress = this.all.get(key)
    if (progress === undefined || progress.stable === progress.update || (progress.aborted && !full)) return
    this.next(progress)
    if (full) {
      progress.step = Number.MAX_SAFE_INTEGER
      progress.aborted = false
    }
    this.enqueue(key)
  }

  /** All pods are to be of the stable revision again; the template stays as it is. */
  abort(key: string, message = 'RolloutAborted'): void {
    const progress = this.all.get(key)
    if (progress === undefined || progress.stable === progress.update) return
    progress.aborted = true
    this.next(progress)
    progress.message = message
    this.enqueue(key)
  }

  private next(progress: Progress): void {
    if (progress.timer !== undefined) this.world.sim.cancel(progress.timer)
    progress.timer = undefined
    progress.analysis?.kill()
    progress.analysis = undefined
    progress.pausedUntilUs = undefined
    progress.message = ''
    progress.step += 1
  }

  private progressOf(key: string, update: string): Progress {
    let progress = this.all.get(key)
    if (progress === undefined) this.all.set(key, (progress = { stable: update, update, step: 0, pausedUntilUs: undefined, aborted: false, message: '', timer: undefined, analysis: undefined }))
    if (progress.update !== update) {
      this.next(progress)
      progress.update = update
      progress.step = 0
      progress.aborted = false
      progress.message = ''
    }
    return progress
  }

  private reconcile(key: string): void {
    const { kubernetes } = this.world
    const object = kubernetes.store.get(KIND, key)
    if (object === undefined) return
    const spec = object.spec as unknown as RolloutSpec
    const revisions = this.revisions.of(key, spec.template)
    const progress = this.progressOf(key, revisions.update)
    const replicas = spec.replicas ?? 1
    const canary = spec.strategy?.canary
    const steps = canary?.steps ?? []
    const moving = progress.update !== progress.stable
    const weight = !moving || progress.aborted ? 0 : progress.step >= steps.length ? 100 : weightAt(steps, progress.step)
    const routed = canary?.trafficRouting !== undefined
    const surge = countOrShare(canary?.maxSurge, replicas, '25%', 'up')
    const counts = canaryPods(replicas, weight, surge)
    const wanted = !moving ? 0 : routed ? (weight === 0 ? 0 : Math.max(1, Math.ceil((replicas * weight) / 100))) : counts.canary
    this.world.weights = routed && moving ? { canary: progress.update, share: weight / 100 } : undefined
    const living = kubernetes.pods$.ownedBy(KIND, key).filter(p => !p.terminating && !p.finished)
    const fresh = moving ? living.filter(p => p.labels['pod-template-hash'] === progress.update) : []
    const old = living.filter(p => !fresh.includes(p))
    const stable = !moving || (routed && weight < 100) ? replicas : routed ? replicas - wanted : counts.stable
    const minimum = replicas - countOrShare(canary?.maxUnavailable, replicas, '25%', 'down')
    let room = replicas + Math.max(1, surge + (routed ? replicas : 0)) - living.length
    const create = (n: number, hash: string): void => {
      for (let i = 0; i < n && room > 0; i++, room--) this.createPod(object, key, hash, revisions.template(hash))
    }
    create(wanted - fresh.length, progress.update)
    create(stable - old.length, progress.stable)
    let spare = living.filter(p => p.ready).length - minimum
    const retire = (pods: readonly (typeof living)[number][], n: number): void => {
      for (const pod of pods.slice().sort((a, b) => Number(a.ready) - Number(b.ready) || a.createdUs - b.createdUs || a.nth - b.nth).slice(0, Math.max(0, n))) {
        if (pod.ready && spare <= 0) return
        if (pod.ready) spare -= 1
        kubernetes.pods$.delete(pod)
      }
    }
    // Whoever is to take over must be Ready first.
    if (fresh.filter(p => p.ready).length >= wanted || old.length > stable + 1) retire(old, old.length - stable)
    if (old.filter(p => p.ready).length >= stable || fresh.length > wanted + 1) retire(fresh, fresh.length - wanted)
    const there = fresh.length === wanted && fresh.every(p => p.ready) && old.length === stable && old.every(p => p.ready)
    if (there && moving && !progress.aborted) this.advance(key, progress, steps)
  }

  /** The pods of this step are there: what comes next. */
  private advance(key: string, progress: Progress, steps: readonly CanaryStep[]): void {
    const { sim } = this.world
    const step = steps[progress.step]
    if (step === undefined) {
      progress.stable = progress.update
      sim.note(STEP, key, 100, `rollout ${key} is complete`)
      return this.enqueue(key)
    }
    if ('setWeight' in step) {
      sim.note(STEP, key, step.setWeight, `rollout ${key} has set weight ${step.setWeight}`)
      this.next(progress)
      return this.enqueue(key)
    }
    if (progress.pausedUntilUs !== undefined) return
    if ('analysis' in step) return this.analyse(key, progress, step.analysis)
    const us = step.pause.duration === undefined ? Number.POSITIVE_INFINITY : (parseDurationUs(/\d$/.test(step.pause.duration) ? `${step.pause.duration}s` : step.pause.duration) ?? 0)
    progress.pausedUntilUs = sim.now + us
    sim.touch()
    if (Number.isFinite(us))
      progress.timer = sim.after(us, () => {
        progress.timer = undefined
        this.next(progress)
        this.enqueue(key)
      })
  }

  /** Begins the analysis run of a step. One that fails aborts the rollout, one that is inconclusive pauses it until somebody decides (rule APP-ANALYSIS-3). */
  private analyse(key: string, progress: Progress, spec: Analysis): void {
    if (progress.analysis !== undefined) return
    const { sim, prometheus } = this.world
    const run = sim.spawn(analyse(prometheus, spec))
    progress.analysis = run
    run.park(sim, verdict => {
      if (verdict === undefined || progress.analysis !== run) return
      sim.note(ANALYSIS, key, 0, `analysis of rollout ${key}: ${verdict.phase}${verdict.why === '' ? '' : `: ${verdict.why}`}`)
      if (verdict.phase === 'Failed' || verdict.phase === 'Error') return this.abort(key, `RolloutAborted: Rollout aborted update: ${verdict.why}`)
      if (verdict.phase === 'Inconclusive') {
        progress.pausedUntilUs = Number.POSITIVE_INFINITY
        progress.message = 'InconclusiveAnalysisRun'
        sim.touch()
      } else {
        this.next(progress)
        this.enqueue(key)
      }
    })
  }

  private createPod(object: KubeObject, key: string, hash: string, template: PodTemplate): void {
    const { kubernetes } = this.world
    const { name } = object.metadata
    const nth = kubernetes.count(`${KIND}/${key}/pods`)
    kubernetes.pods$.create({
      name: `${name}-${hash}-${safeHash(`${key}/${hash}/${nth}`, 5)}`,
      namespace: object.metadata.namespace ?? kubernetes.options.namespace,
      labels: { ...template.metadata?.labels, 'pod-template-hash': hash },
      spec: template.spec,
      owner: { kind: KIND, name, uid: kubernetes.store.entry(KIND, key)?.uid ?? '' },
    })
  }
}

/** The weight that the steps before this one have set. */
function weightAt(steps: readonly CanaryStep[], at: number): number {
  let weight = 0
  for (const [i, step] of steps.entries()) if (i <= at && 'setWeight' in step) weight = step.setWeight
  return weight
}
