import { HOUR, type Simulation, type Us } from '../../src/kernel/index.ts'

export interface Cost {
  /** Node-hours that the machines there at the start cost until now. */
  readonly nodeHoursBase: number
  /** Node-hours beyond them. */
  readonly nodeHoursExtra: number
  readonly nodesAtStart: number
  readonly nodesNow: number
  readonly nodesPeak: number
  /** The same as exact integers: microseconds × nodes. */
  readonly nodeUsBase: number
  readonly nodeUsExtra: number
}

/** Counts node time as integers; a node costs from joining to deletion, running or not. */
export class Billing {
  private nodes = 0
  private atStart = 0
  private peak = 0
  private sinceUs: Us
  private startUs: Us
  private extraUs = 0

  constructor(private readonly sim: Simulation) {
    this.sinceUs = sim.now
    this.startUs = sim.now
  }

  /** What there is now is the base; the meter starts. */
  begin(): void {
    this.atStart = this.nodes
    this.peak = this.nodes
    this.extraUs = 0
    this.sinceUs = this.sim.now
    this.startUs = this.sim.now
  }

  count(change: 1 | -1): void {
    this.settle()
    this.nodes += change
    if (this.nodes > this.peak) this.peak = this.nodes
  }

  cost(): Cost {
    this.settle()
    const nodeUsBase = this.atStart * (this.sim.now - this.startUs)
    return {
      nodeHoursBase: nodeUsBase / HOUR,
      nodeHoursExtra: this.extraUs / HOUR,
      nodesAtStart: this.atStart,
      nodesNow: this.nodes,
      nodesPeak: this.peak,
      nodeUsBase,
      nodeUsExtra: this.extraUs,
    }
  }

  private settle(): void {
    this.extraUs += Math.max(0, this.nodes - this.atStart) * (this.sim.now - this.sinceUs)
    this.sinceUs = this.sim.now
  }
}
