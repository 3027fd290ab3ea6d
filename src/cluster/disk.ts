import { defineEvent, type EventKind, type Simulation } from '../kernel/index.ts'

const DISK_SLOW = defineEvent('disk.slow')
const DISK_FULL = defineEvent('disk.full')
const DISK_DESTROYED = defineEvent('disk.destroyed')

/**
 * A volume that outlives the process and the machine that use it. The model that owns `contents` decides what of it is durable;
 * the disk says how fast it is, whether it is full, where it may be attached and whether it still exists.
 */
export class Disk<Contents = unknown> {
  /** What the owner keeps on it; undefined while it is empty. */
  contents: Contents | undefined
  /** Name of the machine it is attached to, if any. */
  attachedTo: string | undefined
  destroyed = false
  private readonly slowed: number[] = []
  private fills = 0
  private readonly listeners: (() => void)[] = []

  constructor(
    private readonly sim: Simulation,
    readonly name: string,
    /** A zone-bound disk attaches only to machines of that zone; undefined = any. */
    readonly zone: string | undefined,
    /** Sequential write throughput when healthy. */
    private readonly nominalBytesPerSecond: number,
  ) {}

  get bytesPerSecond(): number {
    return this.nominalBytesPerSecond / this.slowdownFactor
  }

  /** How many times slower than healthy it is (1 = healthy). */
  get slowdownFactor(): number {
    return this.slowed.reduce((product, factor) => product * factor, 1)
  }

  /** Whether the disk has no room for another byte. */
  get full(): boolean {
    return this.fills > 0
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Makes the disk `factor` times slower, on top of what slows it already; returns how to end that. */
  slow(factor: number): () => void {
    return this.during(
      () => this.slowed.push(factor),
      () => this.slowed.splice(this.slowed.indexOf(factor), 1),
      DISK_SLOW,
      () => Math.round(this.slowdownFactor * 1000),
    )
  }

  /** Leaves no room on the disk; returns how to make some again. Two fills need two ends. */
  fill(): () => void {
    return this.during(
      () => (this.fills += 1),
      () => (this.fills -= 1),
      DISK_FULL,
      () => this.fills,
    )
  }

  private during(begin: () => void, end: () => void, event: EventKind, payload: () => number): () => void {
    let over = false
    const tell = () => {
      this.sim.note(event, this.name, payload())
      for (const listener of this.listeners) listener()
    }
    begin()
    tell()
    return () => {
      if (over) return
      over = true
      end()
      tell()
    }
  }

  /** The volume is gone with everything on it. */
  destroy(): void {
    this.destroyed = true
    this.contents = undefined
    this.sim.note(DISK_DESTROYED, this.name)
    for (const listener of this.listeners) listener()
  }
}
