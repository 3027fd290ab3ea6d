/**
 * The kinds of fault that strike the platform and not a database: how they strike any engine that runs on this model. An engine says which of
 * its pods are members, and lists the kinds that make sense for it.
 */
import type { FaultKind, Strike, StruckFault } from '../../src/engine.ts'
import type { Kubernetes } from './kubernetes.ts'
import type { PodView } from './pod.ts'

export const PLATFORM_KINDS = [
  'machine-slow', 'clock-jump', 'eviction', 'node-pressure', 'packet-loss', 'flapping', 'partition-pair', 'endpoints-stale', 'attach-slow', 'surge-missing', 'probe-flapping', 'pdb-blocking', 'controller-down',
] as const satisfies readonly FaultKind[]

export type PlatformKind = (typeof PLATFORM_KINDS)[number]

/** A target and how hard; gives undefined when nothing is there to strike. */
type Hit = (name: string, fault: StruckFault) => Strike | undefined

interface Striker {
  targets(): readonly string[]
  readonly hit: Hit
}

/** How many packets a magnitude counts in. */
const PER_MILLE = 1000

export function isPlatformKind(kind: FaultKind): kind is PlatformKind {
  return (PLATFORM_KINDS as readonly FaultKind[]).includes(kind)
}

export class PlatformFaults {
  private readonly strikers: Readonly<Record<PlatformKind, Striker>>

  constructor(
    private readonly kube: Kubernetes,
    private readonly isMember: (pod: PodView) => boolean,
  ) {
    const { faults } = kube
    const machines = () => this.machines()
    const members = () => this.members().map(p => `member:${p.name}`)
    const at = (target: string) => () => [target]
    const during = (begin: (fault: StruckFault) => () => void): Hit => (_name, fault) => ({ struck: true, members: [], end: begin(fault) })
    const machine = (begin: (name: string, fault: StruckFault) => () => void, touches = true): Hit => (name, fault) =>
      kube.machines.get(name)?.up ? { struck: true, members: touches ? this.membersOn(name) : [], end: begin(name, fault) } : undefined
    const member = (begin: (name: string, fault: StruckFault) => (() => void) | undefined): Hit => (name, fault) => {
      const end = this.members().some(p => p.name === name) ? begin(name, fault) : undefined
      return end && { struck: true, members: [name], end }
    }
    this.strikers = {
      'machine-slow': { targets: machines, hit: machine((name, f) => faults.machineSlow(name, Math.max(1, f.magnitude))) },
      'clock-jump': { targets: machines, hit: machine((name, f) => faults.clockJump(name, Math.round(f.magnitude)), false) },
      eviction: { targets: members, hit: member(name => (faults.apiEviction(name) ? () => {} : undefined)) },
      'node-pressure': { targets: members, hit: member(name => faults.nodePressure(name)) },
      'packet-loss': { targets: machines, hit: machine((name, f) => kube.network.lose(name, f.magnitude / PER_MILLE)) },
      flapping: { targets: machines, hit: machine((name, f) => faults.linkFlaps(name, f.magnitude)) },
      'partition-pair': { targets: () => this.pairs(), hit: name => this.partPair(name) },
      'endpoints-stale': { targets: at('data-plane'), hit: during(() => faults.endpointsStale()) },
      'attach-slow': { targets: at('storage'), hit: during(f => faults.diskMoveSlow(Math.max(1, f.magnitude))) },
      'surge-missing': { targets: at('capacity'), hit: during(() => faults.capacityMissing()) },
      'probe-flapping': { targets: members, hit: member((name, f) => faults.probesFlap(name, f.magnitude)) },
      'pdb-blocking': { targets: at('evictions'), hit: during(() => faults.budgetBlocks()) },
      'controller-down': { targets: at('controllers'), hit: during(() => faults.controllerManagerDown()) },
    }
  }

  /** What a kind can strike at this instant, in a fixed order. */
  targets(kind: PlatformKind): readonly string[] {
    return this.strikers[kind].targets()
  }

  /** Strikes; undefined when nothing is there (a pod already gone, an eviction refused). */
  strike(kind: PlatformKind, fault: StruckFault): Strike | undefined {
    return this.strikers[kind].hit(fault.target.slice(fault.target.indexOf(':') + 1), fault)
  }

  private machines(): readonly string[] {
    return [...this.kube.machines.values()].filter(m => m.up).map(m => `node:${m.name}`)
  }

  private members(): readonly PodView[] {
    return this.kube.pods().filter(p => p.node !== undefined && !p.terminating && this.isMember(p))
  }

  private membersOn(machine: string): readonly string[] {
    return this.kube.pods().filter(p => p.node === machine && this.isMember(p)).map(p => p.name)
  }

  /** Every ordered pair of members on different machines: the first is the one that a role means. */
  private pairs(): readonly string[] {
    const members = this.members()
    return members.flatMap(a => members.filter(b => b !== a && b.node !== a.node).map(b => `pair:${a.name}~${b.name}`))
  }

  /** The machines of two members do not reach each other; everybody else reaches both. */
  private partPair(pair: string): Strike | undefined {
    const [a, b] = pair.split('~').map(name => this.members().find(p => p.name === name))
    if (a?.node === undefined || b?.node === undefined || a.node === b.node) return undefined
    const is = (machine: string | undefined) => (place: string) => place === machine
    const there = this.kube.network.cut(`${a.node} to ${b.node}`, is(a.node), is(b.node))
    const back = this.kube.network.cut(`${b.node} to ${a.node}`, is(b.node), is(a.node))
    const end = () => {
      there()
      back()
    }
    return { struck: true, members: [a.name, b.name], end }
  }
}
