import { defineEvent, type Simulation } from '../kernel/index.ts'

const MACHINE_DOWN = defineEvent('machine.down')
const MACHINE_UP = defineEvent('machine.up')

/** A virtual machine in a zone. What runs on it listens for its loss and return; `speed` divides the time of CPU-bound work (1 = nominal). */
export class Machine {
  up = true
  speed = 1
  private readonly listeners: ((up: boolean) => void)[] = []

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
}
