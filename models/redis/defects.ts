/**
 * What is wrong with the version that the upgrade is meant to reach: a standing property of every process whose image (or machine) is on that
 * version, from the strike to its end. A process on the version that the cluster started with never has it.
 */
import type { EngineKind } from '../../src/engine.ts'
import type { Host } from './host.ts'

export type Defect = 'crashes' | 'slow' | 'cannot-read' | 'breaks-replication' | 'false-ready'

export const DEFECT_OF: Partial<Record<EngineKind, Defect>> = {
  'new-version-crashes': 'crashes',
  'new-version-slow': 'slow',
  'new-version-cannot-read': 'cannot-read',
  'new-version-breaks-replication': 'breaks-replication',
  'new-version-false-ready': 'false-ready',
}

export class Defects {
  private readonly standing = new Map<Defect, number[]>()

  constructor(
    readonly target: Readonly<Record<string, string>>,
    private readonly start: Readonly<Record<string, string>>,
  ) {}

  /** From now on the new version has it; returns how to end that. */
  begin(defect: Defect, magnitude: number): () => void {
    const list = this.standing.get(defect) ?? []
    this.standing.set(defect, [...list, magnitude])
    let over = false
    return () => {
      if (over) return
      over = true
      const left = [...(this.standing.get(defect) ?? [])]
      left.splice(left.indexOf(magnitude), 1)
      if (left.length > 0) this.standing.set(defect, left)
      else this.standing.delete(defect)
    }
  }

  /** Whether a process has the defect now. */
  of(host: Host, defect: Defect): boolean {
    return this.standing.has(defect) && this.isNew(host)
  }

  /** How many times longer what computes takes here. */
  slowness(host: Host): number {
    const factors = this.standing.get('slow')
    return factors === undefined || !this.isNew(host) ? 1 : factors.reduce((product, factor) => product * Math.max(1, factor), 1)
  }

  private isNew(host: Host): boolean {
    const { engine, node } = this.target
    if (engine !== undefined && engine !== this.start.engine && host.version === engine) return true
    return node !== undefined && node !== this.start.node && host.nodeVersion === node
  }
}
