/**
 * What is wrong with the version that the upgrade is meant to reach. Standing properties: they hold for whoever runs it, not for members by name.
 */
import { defineEvent } from '../../src/kernel/index.ts'
import type { Mongod } from './mongod.ts'
import type { World } from './world.ts'

const DEFECT = defineEvent('fault.defective-version')

export type Defect = 'crashes' | 'slow' | 'cannot-read' | 'breaks-replication' | 'false-ready'

const WORDS: Readonly<Record<Defect, string>> = {
  crashes: 'crashes at each start',
  slow: 'is slow',
  'cannot-read': 'cannot read data that the old one wrote',
  'breaks-replication': 'writes oplog that the old one cannot apply',
  'false-ready': 'accepts connections and answers none',
}

export class Defects {
  private readonly active: { readonly defect: Defect; readonly factor: number }[] = []

  constructor(
    readonly target: Readonly<Record<string, string>>,
    private readonly old: string,
  ) {}

  isNew(version: string): boolean {
    return version === this.target.engine && version !== this.old
  }

  /** Whether a binary has the defect now. */
  of(version: string, defect: Defect): boolean {
    return this.active.some(a => a.defect === defect) && this.isNew(version)
  }

  /** How many times slower than healthy it is (1 = healthy). */
  slowness(version: string): number {
    if (!this.isNew(version)) return 1
    return this.active.reduce((product, a) => (a.defect === 'slow' ? product * a.factor : product), 1)
  }

  /** An old secondary cannot apply what a new primary writes. */
  parts(source: Mongod, follower: Mongod): boolean {
    return this.of(source.host.version, 'breaks-replication') && !this.isNew(follower.host.version)
  }

  begin(world: World, defect: Defect, factor: number): () => void {
    const entry = { defect, factor }
    this.active.push(entry)
    this.tell(world, defect, true)
    return () => {
      const i = this.active.indexOf(entry)
      if (i < 0) return
      this.active.splice(i, 1)
      this.tell(world, defect, false)
    }
  }

  private tell(world: World, defect: Defect, begins: boolean): void {
    world.sim.note(DEFECT, 'new-version', begins ? 1 : 0, `the new version ${begins ? '' : 'no longer '}${WORDS[defect]}`)
    for (const m of [...world.mongods]) if (this.isNew(m.host.version)) m.paceChanged()
    world.topologyChanged()
  }
}
