/** The kubelet's side of one pod: attach, pull, initialise, start, restart with back-off, stop with grace (rules K8S-POD-…). Its phases step by {@link podTable}. */
import { SECOND, type Task, type TimerId, type Us, formatDuration } from '../../src/kernel/index.ts'
import { BackOff } from './backoff.ts'
import { ClientProgram, clientArguments } from './client.ts'
import type { ContainerHandle } from './container.ts'
import { environment } from './environment.ts'
import { EVENT } from './events.ts'
import { Container } from './handle.ts'
import type { Kubernetes } from './kubernetes.ts'
import { type PodEvent, type PodState, podTable } from './lifecycle.ts'
import { Mounts } from './mounts.ts'
import type { KubeNode } from './node.ts'
import type { Pod, PodPhase } from './pod.ts'
import { preStop } from './prestop.ts'
import { Readiness } from './readiness.ts'
import { PodDisks } from './scratch.ts'

/** A pull that takes longer than this is worth a word in the story. */
const LONG_PULL_US = 60 * SECOND

export class Worker {
  state: PodState = 'attaching'
  handle: Container | undefined
  readonly mounts: Mounts
  readonly disks: PodDisks
  /** Why the pod waits, in kubectl's words. */
  private reason = 'ContainerCreating'
  private exitCode = 0
  private incarnations = 0
  private readonly retries: BackOff
  private restarts = 0
  private startedUs: Us = 0
  private killAtUs = Number.POSITIVE_INFINITY
  private timer: TimerId | undefined
  private withdraw: (() => void) | undefined
  private task: Task<void> | undefined
  private readiness: Readiness | undefined
  /** Extra reasons for which every readiness probe fails (a fault). */
  probeFailures = 0
  /** Its disk was taken away: the container cannot be started here again. */
  private stranded = false
  /** Sends the stop signal that waits for a preStop hook. */
  private signalDue: (() => void) | undefined

  constructor(
    private readonly kube: Kubernetes,
    readonly node: KubeNode,
    readonly pod: Pod,
  ) {
    this.mounts = new Mounts(kube, this)
    this.disks = new PodDisks(kube, node, pod)
    this.retries = new BackOff(kube.options)
  }

  /** Starts the pod: all delays apply, unless the story has not begun. */
  begin(): void {
    if (!this.kube.booting) return this.attach()
    this.kube.volumes.attachNow(this)
    const image = this.kube.imageNamed(this.pod.image)
    if (image === undefined) throw new Error(`kubernetes: pod ${this.pod.name} needs the image ${this.pod.image}, which no model defines; there are: ${[...this.kube.images.keys()].join(', ')}`)
    this.node.images.set(this.pod.image, image)
    for (const event of ['ATTACHED', 'PULLED', 'INITIALISED', 'STARTED'] as const) this.step(event)
    this.startContainer()
  }

  /** The machine has power again and its kubelet works: whatever is still bound here starts over. */
  resume(): void {
    if (this.state !== 'lost') return
    this.step('POWER_BACK')
    this.restarts += 1
    this.attach()
  }

  /** The kubelet learns that the pod is to stop within `graceSeconds`. A second, shorter grace shortens the first. */
  stop(graceSeconds: number): void {
    if (this.state === 'gone' || this.state === 'unmounting') return
    const killAtUs = this.kube.sim.now + graceSeconds * SECOND
    if (this.state === 'stopping') {
      if (killAtUs < this.killAtUs) this.killAt(killAtUs)
      return
    }
    const wasRunning = this.state === 'running'
    this.cancelAll()
    this.step('STOP')
    if ((this.state as PodState) === 'gone') return this.gone()
    if (!wasRunning) return this.unmount()
    const handle = this.handle as Container
    handle.stopping = true
    this.readiness?.stop()
    this.killAt(killAtUs)
    this.afterPreStop(handle, graceSeconds, killInSeconds => {
      this.kube.note(EVENT.podSignalled, this.pod.name, killInSeconds, `${this.pod.name} gets SIG${handle.imageUsed.stopSignal}, SIGKILL in ${killInSeconds} s`)
      handle.imageUsed.program.signal(handle, handle.imageUsed.stopSignal)
    })
  }

  /** SIGKILL to the container's process, as `kill -9` on the machine would: the restart policy applies. */
  kill(): boolean {
    const handle = this.handle
    if (handle === undefined || !handle.running) return false
    this.kube.note(EVENT.podSignalled, this.pod.name, 9, `${this.pod.name} gets SIGKILL`)
    handle.imageUsed.program.signal(handle, 'KILL')
    if (handle.running) this.exited(handle, 137)
    return true
  }

  /** The program says that its process has ended. */
  exited(handle: Container, code: number): void {
    if (!handle.running) return
    handle.running = false
    if (handle !== this.handle) return
    this.exitCode = code
    this.readiness?.stop()
    this.readiness = undefined
    this.kube.note(EVENT.podExited, this.pod.name, code, `container of ${this.pod.name} ended with exit code ${code}`)
    this.kube.containerEnded.fire(this)
    if (this.state === 'stopping') {
      this.cancelAll()
      this.step('EXITED')
      return this.unmount()
    }
    const policy = this.pod.spec.restartPolicy ?? 'Always'
    if (policy === 'Always' || (policy === 'OnFailure' && code !== 0)) {
      this.step('EXITED')
      return this.backOff('RETRY', this.kube.sim.now - this.startedUs)
    }
    this.step('FINISHED')
    this.reason = code === 0 ? 'Completed' : 'Error'
    this.report()
  }

  /** The machine has lost power: no process had a chance to flush. */
  powerLost(): void {
    if (this.state === 'gone') return
    const handle = this.handle
    this.cancelAll()
    this.readiness?.stop()
    this.readiness = undefined
    this.mounts.drop()
    this.step('POWER_LOST')
    if (handle?.running) {
      handle.running = false
      handle.imageUsed.program.machineLost(handle)
      this.kube.containerEnded.fire(this)
    }
  }

  /** The disk was taken from under the process: its next I/O fails and it dies. */
  diskLost(): void {
    this.stranded = true
    this.kill()
  }

  /** For a pod that was deleted while its machine had no power: nothing is left to stop. */
  forget(): void {
    if (this.state === 'gone') return
    this.cancelAll()
    if (this.state === 'lost') this.step('STOP')
    this.gone()
  }

  readinessChanged(handle: ContainerHandle): void {
    if (handle !== this.handle || this.readiness === undefined) return
    this.readiness.set(this.probeFailures === 0 && handle.running && this.handle.imageUsed.program.ready(this.handle))
  }

  /** A fault makes every probe fail, or stops doing so. */
  failProbes(failing: boolean): void {
    this.probeFailures += failing ? 1 : -1
    if (this.handle !== undefined) this.readinessChanged(this.handle)
  }

  configChanged(): void {
    for (const listener of this.handle?.listeners ?? []) listener()
  }

  /** Sends the status to the API server, if it can be reached; a returning kubelet reports anew. */
  report(): void {
    if (!this.node.hears || this.pod.removed) return
    this.kube.pods$.report(this.pod, {
      phase: this.phase(),
      ready: this.state === 'running' ? (this.readiness?.verdict ?? true) : this.state === 'stopping' && this.pod.ready,
      containerState: this.state === 'running' || this.state === 'stopping' ? 'running' : this.state === 'finished' ? 'terminated' : 'waiting',
      reason: this.state === 'running' || this.state === 'stopping' ? '' : this.reason,
      restarts: this.restarts,
      exitCode: this.exitCode,
      startedUs: this.startedUs + this.node.machine.clockOffUs(this.startedUs),
    })
  }

  private phase(): PodPhase {
    if (this.state === 'finished') return this.exitCode === 0 ? 'Succeeded' : 'Failed'
    return this.incarnations > 0 ? 'Running' : 'Pending'
  }

  private step(event: PodEvent): void {
    const to = podTable.step(this.state, event)
    if (to === undefined) throw new Error(`kubernetes: a pod (${this.pod.name}) that is ${this.state} cannot take ${event}`)
    this.state = to
  }

  private attach(): void {
    this.reason = 'ContainerCreating'
    this.report()
    this.withdraw = this.kube.volumes.attach(this, () => {
      this.withdraw = undefined
      this.step('ATTACHED')
      this.pull()
    })
  }

  private pull(): void {
    const name = this.pod.image
    const cached = this.node.images.get(name)
    if (cached !== undefined && this.pod.main.imagePullPolicy !== 'Always') return this.pulled()
    const image = this.kube.imageNamed(name)
    if (image === undefined) {
      this.reason = 'ImagePullBackOff'
      this.kube.sim.tell(EVENT.podWaits, this.pod.name, () => `${this.pod.name} cannot start: ImagePullBackOff, no registry has ${name}`)
      return this.report()
    }
    const us = cached === image ? this.kube.drawUs('apiCallSeconds', this.pod.name, this.pod.nth) : this.kube.drawUs('imagePullSeconds', `${this.pod.name}/${name}`, this.pod.nth) * this.kube.pullFactor
    if (us > LONG_PULL_US) this.kube.sim.tell(EVENT.podWaits, this.pod.name, () => `${this.pod.name} waits for ${this.node.name} to pull ${name}, which takes ${formatDuration(us)}`)
    this.timer = this.kube.sim.after(us, () => {
      this.node.images.set(name, image)
      this.pulled()
    })
  }

  private pulled(): void {
    this.step('PULLED')
    this.mounts.mount()
    this.initialise()
  }

  private initialise(): void {
    const image = this.node.images.get(this.pod.image)
    if (image?.program.init === undefined || (this.pod.spec.initContainers?.length ?? 0) === 0) {
      this.step('INITIALISED')
      return this.create()
    }
    const handle = new Container(this, image, this.incarnations, false, { ...image.env, ...environment(this.kube, this.pod) })
    this.reason = 'PodInitializing'
    this.report()
    const init = image.program.init(handle)
    const worker = this
    this.task = this.kube.sim.spawn(
      (function* () {
        const code = yield* init
        worker.task = undefined
        worker.initialised(code)
      })(),
    )
  }

  private initialised(code: number): void {
    if (code === 0) {
      this.step('INITIALISED')
      return this.create()
    }
    this.exitCode = code
    this.step('INIT_FAILED')
    this.backOff('RETRY_INIT', 0)
  }

  private create(): void {
    const us = this.kube.drawUs('containerStartSeconds', `${this.pod.name}#${this.pod.nth}`, this.incarnations)
    this.timer = this.kube.sim.after(Math.round(us * this.node.machine.slowdownFactor), () => {
      this.step('STARTED')
      this.startContainer()
    })
  }

  private startContainer(): void {
    const { kube, pod } = this
    const pulled = this.node.images.get(pod.image)
    if (pulled === undefined) throw new Error(`kubernetes: ${pod.name} starts an image that its node lacks`)
    if (kube.booting) this.mounts.mount()
    this.startedUs = kube.sim.now
    const env = { ...pulled.env, ...environment(kube, pod) }
    const plain = new Container(this, pulled, this.incarnations++, kube.booting, env)
    const argv = clientArguments(plain, pulled)
    const handle = argv === undefined ? plain : new Container(this, { ...pulled, program: new ClientProgram(kube.sim, pulled.program, argv, pulled.user) }, plain.incarnation, kube.booting, env)
    const image = handle.imageUsed
    this.handle = handle
    const probe = pod.main.readinessProbe
    if (probe !== undefined) {
      const periodUs = (probe.periodSeconds ?? 10) * SECOND
      const phase = kube.sim.chance.draw(`${pod.name}#${pod.nth}`, 'kubernetes.probe-phase', handle.incarnation)
      const firstUs = kube.sim.now + (kube.booting ? 0 : (probe.initialDelaySeconds ?? 0) * SECOND) + Math.floor(phase * periodUs)
      this.readiness = new Readiness(kube.sim, probe, firstUs, () => this.report())
    }
    if (!kube.booting) kube.note(EVENT.podStarted, pod.name, handle.incarnation, `container of ${pod.name} starts on ${this.node.name}`)
    image.program.start(handle)
    if (!handle.running) return
    if (kube.booting) this.readiness?.assume(image.program.ready(handle))
    else this.readinessChanged(handle)
    this.report()
  }

  private backOff(event: 'RETRY' | 'RETRY_INIT', ranUs: Us): void {
    const us = this.retries.failed(ranUs)
    const plain = event === 'RETRY' && this.exitCode === 0 && !this.retries.looping ? 'Completed' : this.retries.looping ? 'CrashLoopBackOff' : 'Error'
    this.reason = event === 'RETRY_INIT' ? `Init:${plain}` : plain
    this.report()
    if (this.stranded) return
    this.timer = this.kube.sim.after(us, () => {
      this.step(event)
      if (event === 'RETRY_INIT') return this.initialise()
      this.restarts += 1
      this.create()
    })
  }

  /**
   * The stop signal waits for the preStop hook, until the grace period is over at the latest; from the signal on there are two seconds at least (rule K8S-POD-9).
   * A kill at once (force deletion) does not run the hook.
   */
  private afterPreStop(handle: Container, graceSeconds: number, then: (killInSeconds: number) => void): void {
    if (this.pod.main.lifecycle?.preStop === undefined || graceSeconds <= this.kube.options.killSeconds) return then(graceSeconds)
    const worker = this
    this.signalDue = () => {
      worker.signalDue = undefined
      const leastUs = worker.kube.sim.now + worker.kube.options.killSeconds * SECOND
      if (worker.killAtUs < leastUs) worker.killAt(leastUs)
      then(Math.round((worker.killAtUs - worker.kube.sim.now) / SECOND))
    }
    this.task = this.kube.sim.spawn(
      (function* () {
        yield* preStop(worker.pod, handle)
        worker.task = undefined
        if (handle.running) worker.signalDue?.()
      })(),
    )
  }

  private killAt(us: Us): void {
    this.killAtUs = us
    if (this.timer !== undefined) this.kube.sim.cancel(this.timer)
    this.timer = this.kube.sim.call(Math.max(us, this.kube.sim.now), () => {
      this.timer = undefined
      this.task?.kill()
      this.task = undefined
      if (this.signalDue !== undefined) return this.signalDue()
      this.kill()
    })
  }

  private unmount(): void {
    this.timer = this.kube.sim.after(this.kube.drawUs('unmountSeconds', this.pod.name, this.pod.nth), () => {
      this.timer = undefined
      this.step('UNMOUNTED')
      this.gone()
    })
  }

  private gone(): void {
    this.state = 'gone'
    this.mounts.drop()
    this.node.workers.delete(this)
    this.kube.volumes.release(this)
    if (this.node.hears) this.kube.pods$.stopped(this.pod)
    else this.node.unreportedGone.add(this.pod)
  }

  private cancelAll(): void {
    if (this.timer !== undefined) this.kube.sim.cancel(this.timer)
    this.timer = undefined
    this.withdraw?.()
    this.withdraw = undefined
    this.task?.kill()
    this.task = undefined
    this.signalDue = undefined
  }
}
