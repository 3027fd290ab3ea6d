/** The toy as an engine (src/engine.ts): options, faults, truth. Import `toy` where a test needs a whole engine, `toyCluster` where it needs the world too. */
import { z } from 'zod'
import { contains, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Client, Cluster, Engine, Entrance, FaultKind, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation } from '../../src/kernel/index.ts'
import { toyCommands } from './commands.ts'
import { type ToyOptions, ToyWorld } from './world.ts'

const FAULTS: readonly FaultKind[] = ['process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'partition', 'partition-outbound', 'replication-lag', 'operator-killed']

export const toyOptions = z.strictObject({
  members: z.number().int().min(1).max(9).default(3).describe('members, the first of which leads'),
  promise: z.enum(['asynchronous', 'synchronous']).default('asynchronous').describe('whether a follower must have a write before it is acknowledged'),
  delayUs: z.number().int().min(0).default(500).describe('one-way delay between members, µs'),
  commandUs: z.number().int().min(0).default(100_000).describe('time a command takes, µs'),
})

export interface ToyCluster extends Cluster {
  readonly world: ToyWorld
}

export function toyCluster(sim: Simulation, options: Partial<ToyOptions> = {}): ToyCluster {
  const world = new ToyWorld(sim, toyOptions.parse(options))
  const entrance: Entrance = {
    name: 'main',
    roundTripUs: 1_000,
    connect: (client: Client) => world.connectClient(client),
    fresh() {
      const member = world.all.find(m => m.name === world.routedTo)
      if (member === undefined || !member.existing) return { is: 'none', why: 'no endpoint' }
      if (member.cutOff || !member.running || world.held) return { is: 'none', why: `${member.name} does not answer` }
      if (member.copy?.leading !== true) return { is: 'none', why: `${member.name} is read-only` }
      return world.acknowledges(member) ? { is: 'leader', copy: member.copy } : { is: 'none', why: `${member.name} acknowledges nothing: no follower has its writes` }
    },
  }
  return {
    world,
    commands: toyCommands(world),
    entrances: { main: entrance },
    logs: [world.log],
    truth: toyTruth(world, entrance),
    budget: { members: 1 },
    targets: kind => (kind === 'operator-killed' ? ['operator'] : world.all.map(m => `member:${m.name}`)),
    strike: fault => strike(world, fault),
    settle() {
      sim.run(sim.now + 2 * SECOND)
    },
    underWay: () => world.underWay,
    claim(name, args) {
      if (name === 'one-leader') return world.couldAcknowledge().length === 1
      if (name === 'caught-up') return world.member(args[0] ?? '').copy?.lagBytes('flush') === 0
      if (name === 'writable') return world.acknowledges(world.member(args[0] ?? ''))
      return undefined
    },
    cost: () => ({ baseNodeUs: world.options.members * sim.now, extraNodeUs: world.meter(), peakNodes: world.peakNodes, baseNodes: world.options.members, dollarsPerNodeHour: 0.5 }),
  }
}

function toyTruth(world: ToyWorld, entrance: Entrance): Truth {
  return {
    history: { line: 'timeline', place: (line, bytes) => `LSN ${bytes} of timeline ${line}` },
    members: () => world.members(),
    expectedMembers: world.options.members,
    targetVersions: { engine: 'v2' },
    promise: world.options.promise,
    couldAcknowledge: () => world.couldAcknowledge(),
    // v3 beside v1 is what the toy's maker does not support.
    forbiddenSkew() {
      const versions = new Set(world.all.filter(m => m.running).map(m => m.version))
      return versions.has('v1') && versions.has('v3') ? ['v1 beside v3'] : []
    },
    promotions: world.promotions,
    departures: world.departures,
    authority: log => authority(world, entrance, log),
    holders: interval => world.holders(interval),
  }
}

function authority(world: ToyWorld, entrance: Entrance, _log: ReplicatedLog): ReturnType<Truth['authority']> {
  const fresh = entrance.fresh()
  if (fresh.is === 'leader') return { position: fresh.copy.position('receive'), why: 'a fresh client writes there', member: fresh.copy.name }
  const durable = world.all.filter(m => m.copy !== undefined)
  const latest = world.promotions.at(-1)
  // On the branch of the latest promotion, then the furthest.
  const onLatest = durable.filter(m => latest === undefined || (m.timeline >= world.member(latest.member).timeline && contains((m.copy as NonNullable<typeof m.copy>).position('flush'), latest.from)))
  const candidates = onLatest.length > 0 ? onLatest : durable
  const best = candidates.reduce<(typeof candidates)[number] | undefined>((a, b) => (a === undefined || (b.copy?.lsn('flush') ?? 0) > (a.copy?.lsn('flush') ?? 0) ? b : a), undefined)
  return { position: best?.copy?.position('flush'), why: best === undefined ? 'no durable copy' : 'the furthest durable copy of the latest promotion', member: best?.name }
}

function strike(world: ToyWorld, { kind, target, durationUs }: StruckFault): Strike {
  const name = target.slice(target.indexOf(':') + 1)
  const nothing: Strike = { struck: false, members: [], end() {} }
  if (kind === 'operator-killed') return { struck: true, members: [], end() {} }
  const member = world.all.find(m => m.name === name && m.existing)
  if (member === undefined) return nothing
  switch (kind) {
    case 'process-kill':
    case 'node-loss':
      if (!world.stop(name, 'killed', 'fault')) return nothing
      // Something restarts it when the fault ends.
      return { struck: true, members: [name], end: () => void (durationUs > 0 && world.start(name)) }
    case 'node-loss-with-volume':
      world.destroy(name, 'fault')
      return { struck: true, members: [name], end() {} }
    case 'process-pause':
      if (!member.running) return nothing
      world.setPaused(name, true)
      return { struck: true, members: [name], end: () => world.setPaused(name, false) }
    case 'replication-lag':
      if (member.copy?.upstream === undefined) return nothing
      member.copy.freeze('receive')
      return { struck: true, members: [name], end: () => member.copy?.thaw('receive') }
    case 'partition-outbound':
      world.setIsolated(name, true)
      return { struck: true, members: [name], end: () => world.setIsolated(name, false) }
    case 'partition':
      world.setCutOff(name, true)
      return { struck: true, members: [name], end: () => world.setCutOff(name, false) }
    default:
      return nothing
  }
}

/** The toy as an engine, for whatever builds a cluster from a scenario. */
export const toy: Engine<ToyOptions> = {
  name: 'toy',
  title: 'A toy of a few members, for tests',
  options: toyOptions as unknown as z.ZodType<ToyOptions>,
  rules: [],
  faultKinds: FAULTS,
  starter: {},
  problems: options => (options.promise === 'synchronous' && options.members < 2 ? [{ path: ['promise'], message: 'a synchronous promise needs a second member' }] : []),
  assumptions: () => [],
  shrinks: options => [{ path: ['members'], candidates: Array.from({ length: options.members - 1 }, (_, i) => i + 1) }],
  build: (sim, options) => toyCluster(sim, options),
}
