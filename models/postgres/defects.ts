/**
 * What is wrong with the version that the upgrade is meant to reach. Standing properties: they hold for whoever is on it, not for members by name.
 * Who is on it is the truth's business: the image or the machine under a server, never a step of a runbook.
 */
import { defineEvent } from '../../src/kernel/index.ts'
import type { Host } from './host.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

const DEFECT = defineEvent('fault.defective-version')

export type Defect = 'crashes' | 'slow' | 'cannot-read' | 'breaks-replication' | 'false-ready'

const WORDS: Readonly<Record<Defect, string>> = {
  crashes: 'crashes at each start',
  slow: 'is slow',
  'cannot-read': 'cannot read data that the old one wrote',
  'breaks-replication': 'sends WAL that the old one cannot follow',
  'false-ready': 'is Ready and lets nobody in',
}

/** What a login is told by a server that is Ready and broken. The postmaster answers pg_isready all the same (rule PG-READY-3). */
export const BROKEN_LOGIN = 'FATAL:  could not open file "global/pg_filenode.map": Permission denied'

export class Defects {
  private readonly active: { readonly defect: Defect; readonly factor: number }[] = []

  /** @param target the version of each component that the upgrade is to reach @param old what it was at the start */
  constructor(
    readonly target: Readonly<Record<string, string>>,
    private readonly old: Readonly<Record<string, string>>,
  ) {}

  /** Whether a server runs on the new version: its engine's or its machine's. What the upgrade does not change is not new. */
  isNew(host: Host): boolean {
    return this.reached('engine', host.version) || this.reached('node', host.nodeVersion)
  }

  private reached(component: string, version: string | undefined): boolean {
    const target = this.target[component]
    return target !== undefined && version === target && this.old[component] !== target
  }

  /** Whether the server of that host has the defect now. */
  of(host: Host, defect: Defect): boolean {
    return this.active.length > 0 && this.active.some(a => a.defect === defect) && this.isNew(host)
  }

  /** How many times slower than healthy it is (1 = healthy). */
  slowness(host: Host): number {
    if (this.active.length === 0) return 1
    const factor = this.active.reduce((product, a) => (a.defect === 'slow' ? product * a.factor : product), 1)
    return factor === 1 || !this.isNew(host) ? 1 : factor
  }

  /** An old standby cannot follow where the WAL is a new server's, directly or passed on by another standby (rule PG-VERSION-3). */
  partsThem(upstream: Server, standby: Server): boolean {
    if (this.active.length === 0 || this.isNew(standby.host)) return false
    let writer = upstream
    for (let next = writer.receiver?.sender?.upstream; next !== undefined; next = next.receiver?.sender?.upstream) writer = next
    return writer.copy.leading && this.of(writer.host, 'breaks-replication')
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
    world.sim.note(DEFECT, 'new-version', begins ? 1 : 0, `the new version ${begins ? '' : 'no longer '}${WORDS[defect]}`)
    for (const server of [...world.servers]) {
      if (this.isNew(server.host)) defectChanged(server)
      for (const sender of server.walsenders.slice()) if (this.partsThem(server, sender.standby)) sender.close('it cannot make sense of the WAL')
    }
    world.topologyChanged()
  }
}

/** A running server gets or loses a defect: its pace and its sessions follow at once. */
function defectChanged(server: Server): void {
  server.paceChanged()
  server.tellBackends()
  server.host.readinessChanged()
}
