/** `fsync` with `lock: true`: nothing is written and nothing applied on this process until it is unlocked as often as it was locked (rules MG-FSYNC-1…4). */
import { defineEvent, type Process } from '../../src/kernel/index.ts'
import type { Mongod } from './mongod.ts'

const LOCKED = defineEvent('mongodb.fsync-lock')

export class FsyncLock {
  /** How often it is locked: as many unlocks let writes on. */
  count = 0
  private release: (() => void) | undefined

  constructor(private readonly m: Mongod) {}

  get held(): boolean {
    return this.count > 0
  }

  take(): number {
    this.count += 1
    if (this.count === 1) this.changed(`${this.m.name} is locked against writes`)
    return this.count
  }

  /** One lock less. @returns how many are left */
  giveBack(): number {
    this.count -= 1
    if (this.count === 0) this.changed(`${this.m.name} takes writes again`)
    return this.count
  }

  /** The process ends: its locks were in its memory. */
  drop(): void {
    this.count = 0
    this.reconsider()
  }

  private changed(what: string): void {
    const { m } = this
    m.world.sim.note(LOCKED, m.name, this.count, what)
    if (m.copy?.leading === true && !m.steppingDown) this.background()
    this.reconsider()
    m.world.topologyChanged()
  }

  /** What a primary writes besides its clients: nothing while it is locked. */
  background(): void {
    this.m.copy?.setBackground(this.held ? 0 : this.m.world.options.backgroundOplogKBps * 1000)
  }

  /** Role or lock changed: a member that leads lets writes wait, any other does not apply what it fetches. */
  reconsider(): void {
    const { m } = this
    const { copy } = m
    const leads = copy?.leading === true
    const wanted = this.held && copy !== undefined && !leads
    if (wanted === (this.release !== undefined)) return
    if (wanted) this.release = m.world.holdApply(copy)
    else {
      this.release?.()
      this.release = undefined
    }
  }

  /** A command that writes waits for it. */
  *wait(): Process {
    const { m } = this
    while (this.held && m.alive) yield m.world.changed
  }
}
