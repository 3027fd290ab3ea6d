/** What is wrong with the version that the upgrade is meant to reach. Standing properties of whoever is on it, never of members by name. */
import { EVENT } from './events.ts'
import type { Tablet } from './tablet.ts'
import type { World } from './world.ts'

export type Defect = 'crashes' | 'slow' | 'cannot-read' | 'breaks-replication' | 'false-ready'

const WORDS: Readonly<Record<Defect, string>> = {
  crashes: 'crashes at each start',
  slow: 'is slow',
  'cannot-read': 'cannot read data that the old one wrote',
  'breaks-replication': 'sends binlog events that the old one cannot apply',
  'false-ready': 'says that it is healthy and refuses queries',
}

export class Defects {
  private readonly active: { readonly defect: Defect; readonly factor: number }[] = []

  /** @param target the version of each component that the upgrade is to reach @param old what it was at the start */
  constructor(
    readonly target: Readonly<Record<string, string>>,
    private readonly old: Readonly<Record<string, string>>,
  ) {}

  /** Whether a tablet is on the new version, of anything that the upgrade changes. */
  isNew(tablet: Tablet): boolean {
    return Object.keys(this.target).some(component => this.isTarget(component, versionsOf(tablet)[component]))
  }

  private isTarget(component: string, version: string | undefined): boolean {
    return version !== undefined && version === this.target[component] && this.old[component] !== version
  }

  of(tablet: Tablet, defect: Defect): boolean {
    return this.active.length > 0 && this.active.some(a => a.defect === defect) && this.isNew(tablet)
  }

  /** How many times slower than healthy it is (1 = healthy). */
  slowness(tablet: Tablet): number {
    if (this.active.length === 0) return 1
    const factor = this.active.reduce((product, a) => (a.defect === 'slow' ? product * a.factor : product), 1)
    return factor === 1 || !this.isNew(tablet) ? 1 : factor
  }

  /** An old replica cannot follow a source on the new version. */
  partsThem(source: Tablet, replica: Tablet): boolean {
    return this.active.length > 0 && this.of(source, 'breaks-replication') && !this.isNew(replica)
  }

  /** The defect holds from now on, for whoever is on the new version already too. Returns how to end it. */
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
    world.sim.note(EVENT.fault, 'new-version', begins ? 1 : 0, `the new version ${begins ? '' : 'no longer '}${WORDS[defect]}`)
    for (const shard of world.shards) {
      for (const tablet of shard.tablets) if (this.isNew(tablet)) tablet.setPace()
      shard.changed()
    }
  }
}

/** The versions of a tablet's parts, as its pod and its server have them. */
export function versionsOf(tablet: Tablet): Readonly<Record<string, string | undefined>> {
  const { world } = tablet
  const pod = world.kubernetes?.pod(tablet.pod)
  return { engine: tablet.version, node: pod?.nodeVersion, size: memoryOf(pod?.spec) }
}

/** What the tablet's first container asks for. */
export function memoryOf(spec: { readonly containers: readonly { readonly resources?: { readonly requests?: { readonly memory?: string | number } } }[] } | undefined): string | undefined {
  const memory = spec?.containers[0]?.resources?.requests?.memory
  return memory === undefined ? undefined : String(memory)
}
