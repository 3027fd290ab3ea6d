import { NEVER, SECOND, type Simulation, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { Probe } from './objects.ts'

/**
 * A readiness probe without an event per probe (rule K8S-PROBE-1): the instants of the probes are known, so the verdict can change only at the
 * failureThreshold-th (successThreshold-th) of them after the truth changed, and that instant is computed.
 */
export class Readiness {
  verdict = false
  private truth = false
  private sinceUs: Us
  private streakOf = false
  private streak = 0
  private timer: TimerId | undefined
  private readonly periodUs: Us
  private readonly failures: number
  private readonly successes: number

  /** @param firstUs instant of the first probe. `changed` is called at the probe that changes the verdict */
  constructor(
    private readonly sim: Simulation,
    probe: Probe,
    private readonly firstUs: Us,
    private readonly changed: () => void,
  ) {
    this.periodUs = Math.max(1, probe.periodSeconds ?? 10) * SECOND
    this.failures = probe.failureThreshold ?? 3
    this.successes = probe.successThreshold ?? 1
    this.sinceUs = firstUs
  }

  /** Takes a verdict as given: for pods that are ready before the story begins. */
  assume(verdict: boolean): void {
    this.verdict = verdict
    this.truth = verdict
    this.streakOf = verdict
    this.streak = 1
  }

  /** The truth is `truth` from now on. */
  set(truth: boolean): void {
    const now = this.sim.now
    if (truth === this.truth) return
    // A probe at this very instant sees the new truth: those of [since, now) saw the old one.
    const seen = this.probesBefore(now) - this.probesBefore(this.sinceUs)
    if (seen > 0) {
      this.streak = this.streakOf === this.truth ? this.streak + seen : seen
      this.streakOf = this.truth
    }
    this.truth = truth
    this.sinceUs = Math.max(now, this.firstUs)
    this.plan()
  }

  /** No more probes. */
  stop(): void {
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.timer = undefined
  }

  private plan(): void {
    this.stop()
    if (this.truth === this.verdict) return
    const done = this.streakOf === this.truth ? this.streak : 0
    const missing = Math.max(1, (this.truth ? this.successes : this.failures) - done)
    const at = this.probeUs(this.probesBefore(Math.max(this.sim.now, this.sinceUs)) + missing - 1)
    if (at === NEVER) return
    this.timer = this.sim.call(at, () => {
      this.timer = undefined
      this.verdict = this.truth
      this.changed()
    })
  }

  private probeUs(index: number): Us {
    return this.firstUs + index * this.periodUs
  }

  /** Number of probes strictly before the instant. */
  private probesBefore(us: Us): number {
    return us <= this.firstUs ? 0 : Math.ceil((us - this.firstUs) / this.periodUs)
  }
}
