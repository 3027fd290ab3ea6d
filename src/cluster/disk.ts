import { defineEvent, type Simulation } from '../kernel/index.ts'

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
  private slowdown = 1
  private filled = false
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
    return this.nominalBytesPerSecond / this.slowdown
  }

  /** How many times slower than healthy it is (1 = healthy). */
  get slowdownFactor(): number {
    return this.slowdown
  }

  /** Whether the disk has no room for another byte. */
  get full(): boolean {
    return this.filled
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Makes the disk `factor` times slower (1 = healthy again). */
  slow(factor: number): void {
    this.slowdown = factor
    this.sim.note(DISK_SLOW, this.name, Math.round(factor * 1000))
    for (const listener of this.listeners) listener()
  }

  fill(full: boolean): void {
    this.filled = full
    this.sim.note(DISK_FULL, this.name, full ? 1 : 0)
    for (const listener of this.listeners) listener()
  }

  /** The volume is gone with everything on it. */
  destroy(): void {
    this.destroyed = true
    this.contents = undefined
    this.sim.note(DISK_DESTROYED, this.name)
    for (const listener of this.listeners) listener()
  }
}
