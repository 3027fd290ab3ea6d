import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { KubernetesOptions } from './options.ts'

/** Crash-loop back-off of one container (rule K8S-POD-4). */
export class BackOff {
  private crashes = 0

  constructor(private readonly options: KubernetesOptions) {}

  /** More than one failure in a row: kubectl says CrashLoopBackOff. */
  get looping(): boolean {
    return this.crashes > 1
  }

  /** The container failed after running for `ranUs`: the wait before the next try. Practically none the first time, then 10 s, 20 s, … 5 min. */
  failed(ranUs: Us): Us {
    const { backOffFirstSeconds, backOffMaxSeconds, backOffResetSeconds } = this.options
    this.crashes = ranUs >= backOffResetSeconds * SECOND ? 1 : this.crashes + 1
    if (this.crashes === 1) return SECOND / 2
    let seconds = backOffFirstSeconds
    for (let i = 2; i < this.crashes && seconds < backOffMaxSeconds; i++) seconds *= 2
    return Math.min(seconds, backOffMaxSeconds) * SECOND
  }
}
