import { defineEvent, type Simulation, type Us } from '../kernel/index.ts'

const MACHINE_DOWN = defineEvent('machine.down')
const MACHINE_UP = defineEvent('machine.up')
const MACHINE_SLOW = defineEvent('machine.slow')
const CLOCK_JUMP = defineEvent('machine.clock-jump')

/** A virtual machine in a zone: whether it has power, how fast it computes, what its clock shows. What runs on it listens for changes. */
export class Machine {
  up = true
  private readonly slowed: number[] = []
  /** Jumps of its clock so far, oldest first, each with how far off the clock is from then on. */
  private readonly jumps: { readonly atUs: Us; readonly offUs: Us }[] = []
  private readonly listeners: ((up: boolean) => void)[] = []
  private readonly paceListeners: (() => void)[] = []

  constructor(
    private readonly sim: Simulation,
    readonly name: string,
    readonly zone: string,
  ) {}

  /** Tells `listener` of every loss and return from now on, in the order of subscription. */
  onPower(listener: (up: boolean) => void): void {
    this.listeners.push(listener)
  }

  /** Power off (all processes die with no chance to flush) or on. No effect if it is so already. */
  setUp(up: boolean): void {
    if (this.up === up) return
    this.up = up
    this.sim.note(up ? MACHINE_UP : MACHINE_DOWN, this.name)
    for (const listener of this.listeners) listener(up)
  }

  /** How many times longer CPU-bound work takes here than on a healthy machine (1 = healthy). */
  get slowdownFactor(): number {
    return this.slowed.reduce((product, factor) => product * factor, 1)
  }

  /** Tells `listener` after every change of {@link slowdownFactor}. */
  onPace(listener: () => void): void {
    this.paceListeners.push(listener)
  }

  /** Makes it `factor` times slower, on top of what slows it already; returns how to end that. */
  slow(factor: number): () => void {
    this.slowed.push(factor)
    this.paceChanged()
    let over = false
    return () => {
      if (over) return
      over = true
      this.slowed.splice(this.slowed.indexOf(factor), 1)
      this.paceChanged()
    }
  }

  private paceChanged(): void {
    this.sim.note(MACHINE_SLOW, this.name, Math.round(this.slowdownFactor * 1000))
    for (const listener of this.paceListeners) listener()
  }

  /** How far its wall clock was off at an instant (default now): what it showed then, less the true time. */
  clockOffUs(atUs: Us = this.sim.now): Us {
    for (let i = this.jumps.length - 1; i >= 0; i--) {
      const jump = this.jumps[i] as { atUs: Us; offUs: Us }
      if (jump.atUs <= atUs) return jump.offUs
    }
    return 0
  }

  /** Its wall clock jumps by `byUs` (backward when negative) and stays off. No time passes: what counts by a monotonic clock notices nothing. */
  jumpClock(byUs: Us): void {
    this.jumps.push({ atUs: this.sim.now, offUs: this.clockOffUs() + byUs })
    this.sim.note(CLOCK_JUMP, this.name, byUs, `the clock of ${this.name} jumps by ${byUs / 1_000_000} s`)
  }
}
