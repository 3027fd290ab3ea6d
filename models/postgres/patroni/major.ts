/**
 * Spilo's in-place major upgrade, as the operator (or somebody by hand) starts it in the leader's container. It does what the script does in its order, defects
 * included: what fails is cleaned up and Patroni goes on; what is killed leaves everything as it is. Source: zalando/spilo
 * postgres-appliance/major_upgrade/inplace_upgrade.py and pg_upgrade.py; D:pgupgrade; facts/postgres.md §1.7, PG-S11.
 */
import { defineEvent, type Process, SECOND, Signal, type Task, type Us, within } from '../../../src/kernel/index.ts'
import { checkpointUs } from '../checkpoints.ts'
import { DataDirectory, LINKED } from '../datadir.ts'
import { major } from '../replication.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import type { Agent } from './agent.ts'
import type { Dcs } from './dcs.ts'
import { binaryOf, type SpiloOptions } from './options.ts'

const UPGRADE = defineEvent('patroni.major-upgrade')

/** A replica that lacks more of what the primary has is in the way of an upgrade. Source: inplace_upgrade.py, majorversionupgrade.go */
export const UPGRADE_LAG_BYTES = 16 * 1024 * 1024
/** How long replicas have to replay what the stopped primary wrote, to be copied, and for Patroni to be there again. Source: inplace_upgrade.py */
const REPLAY_TRIES = 60
const RSYNC_US: Us = 300 * SECOND
const PATRONI_TRIES = 20
const RESTART_TRIES = 10
/** Between the copying and the restart it leaves the replicas this time. Source: inplace_upgrade.py */
const GRACE_US: Us = 2 * SECOND
/** A connection on which nothing comes back is given up after this. Source: tcp(7) tcp_retries2 */
const RETRANSMIT_US: Us = 924 * SECOND

export interface Outcome {
  readonly ok: boolean
  /** What the script printed, its last line last. */
  readonly log: readonly string[]
}

/** A replica as the script knows it: the server that it is connected to. */
interface Replica {
  readonly agent: Agent
  readonly server: Server
}

/** The script's process on the leader. `run` may be killed at any wait; nothing is then cleaned up. */
export class InplaceUpgrade {
  private readonly log: string[] = []
  private replicas: Replica[] = []
  private paused = false

  private readonly world: World
  private readonly dcs: Dcs

  /** @param agent the leader's @param members how many members there should be */
  constructor(
    private readonly agent: Agent,
    private readonly spilo: SpiloOptions,
    private readonly members: number,
  ) {
    this.dcs = agent.dcs
    this.world = agent.dcs.world
  }

  *run(): Process<Outcome> {
    const ok = yield* this.upgrade()
    if (this.paused) yield* this.togglePause(false)
    return { ok, log: this.log }
  }

  private say(text: string): void {
    this.log.push(text)
    this.world.sim.note(UPGRADE, this.agent.name, this.log.length, `${this.agent.name}, in-place upgrade: ${text}`)
  }

  private fail(text: string): false {
    this.say(text)
    return false
  }

  private takes(what: 'initdbMs' | 'checkMs' | 'upgradeMs' | 'linkMs' | 'rsyncMs' | 'patroniMs' | 'analyzeMs', agent: Agent = this.agent): Us {
    const d = this.spilo[what]
    const ms = typeof d === 'number' ? d : this.world.draw(d, agent.name, `spilo ${what}`)
    return Math.round(ms * 1000 * agent.body.c.machine.slowdownFactor * Math.max(1, agent.body.disk.slowdownFactor))
  }

  private *upgrade(): Process<boolean> {
    const { agent, dcs } = this
    const { body } = agent
    const server = body.server()
    const dir = body.dir()
    const wanted = body.c.env['PGVERSION'] ?? ''
    const target = binaryOf(this.spilo, wanted)
    if (target === undefined || dir === undefined) return this.fail(`no binaries of PostgreSQL ${wanted}`)
    const current = major(dir.image)
    if (Number(current) >= Number(wanted)) {
      this.say(`Current version=${current}, desired version=${wanted}. Upgrade is not required`)
      return true
    }
    if (server?.state !== 'primary') return this.fail('PostgreSQL is not running or in recovery')
    if (!this.sane(server)) return false
    this.say(`Cluster ${this.world.options.name} is ready to be upgraded`)
    yield this.takes('initdbMs')
    if (body.disk.full) return this.fail('initdb failed')
    yield this.takes('checkMs')
    const host = { ...server.host, version: target }
    if (body.disk.full || this.world.defects.of(host, 'cannot-read')) return this.fail('pg_upgrade --check failed')
    if (!(yield* this.togglePause(true))) return this.fail('Failed to pause cluster, can not continue')
    return yield* this.whileDown(server, dir, target, dcs)
  }

  /** What must be so before anything is touched (rule PG-MAJOR-2). */
  private sane(server: Server): boolean {
    const { agent, dcs } = this
    if (!dcs.reachedFrom(agent.place)) return this.fail('the API does not answer')
    const others = [...dcs.agents.values()].filter(each => each !== agent)
    if (others.length + 1 !== this.members) return this.fail(`Upgrade can not be triggered because the number of replicas does not match (${others.length + 1} != ${this.members})`)
    if (dcs.paused) return this.fail('Upgrade can not be triggered because Patroni is in maintenance mode')
    if (dcs.holder !== agent.name) return this.fail('Upgrade can not be triggered because the current node does not own the leader lock')
    for (const other of others) {
      const theirs = other.body.server()
      const sender = server.walsenders.find(s => s.standby === theirs)
      if (theirs === undefined || sender?.state !== 'streaming') return this.fail(`Member ${other.name} is not streaming from the primary`)
      const lag = server.copy.lsn('flush') - theirs.copy.lsn('apply')
      if (lag > UPGRADE_LAG_BYTES) return this.fail(`Replication lag ${Math.round(lag)} on member ${other.name} is too high`)
      if (!other.answers || !this.reaches(other)) return this.fail(`Patroni on ${other.name} is not healthy`)
      this.replicas.push({ agent: other, server: theirs })
    }
    return true
  }

  private reaches(other: Agent): boolean {
    return this.world.network.connected(this.agent.place, other.place)
  }

  /** Patroni's maintenance mode, which every member has to confirm within ttl; one that does not stops the upgrade. */
  private *togglePause(paused: boolean): Process<boolean> {
    const { dcs, agent } = this
    if (!dcs.reachedFrom(agent.place) || dcs.paused === paused) return this.fail(paused ? 'Cluster is paused, can not continue' : 'Failed to resume cluster')
    dcs.paused = paused
    this.paused = paused
    dcs.tell()
    for (let tried = 0; tried <= dcs.options.ttlSeconds; tried++) {
      yield SECOND
      if ([...dcs.agents.values()].every(each => each.upToDate)) {
        this.say(`Maintenance mode ${paused ? 'enabled' : 'disabled'}`)
        return true
      }
    }
    return false
  }

  // ── while nobody is served ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private *whileDown(server: Server, dir: DataDirectory, target: string, dcs: Dcs): Process<boolean> {
    const { agent, world } = this
    this.say('Doing a clean shutdown of the cluster before pg_upgrade')
    yield checkpointUs(server)
    if (!server.alive) return this.fail('Failed to stop the cluster before pg_upgrade')
    server.checkpointDone()
    yield* stop(world, server)
    if (dir.control !== 'shut down') return this.fail("Cluster wasn't shut down cleanly")
    if (!(yield* this.replayed(dir))) return false
    if (!(yield* this.link(dir, target))) return false
    const fresh = this.switchData(dir, target)
    const copied = yield* this.copyReplicas(fresh)
    yield* this.restart(dcs)
    const analysing = agent.start(pass(this.takes('analyzeMs')))
    yield* this.replicasRestarted(copied)
    yield* this.togglePause(false)
    this.say('Rebuilding statistics (vacuumdb --analyze-in-stages)')
    yield analysing
    this.say('Total upgrade time (with analyze) is over; the old data is removed')
    return copied.every(done => done)
  }

  /** All of what the primary wrote must be replayed everywhere: the files are to be the same (rule PG-MAJOR-4). */
  private *replayed(dir: DataDirectory): Process<boolean> {
    this.say('Waiting for replica nodes to catch up with primary')
    for (let tried = 0; tried < REPLAY_TRIES; tried++) {
      for (const replica of this.replicas) if (!(yield* this.answered(replica))) return this.fail(`server closed the connection unexpectedly: ${replica.agent.name}`)
      if (this.replicas.every(({ server }) => server.copy.lsn('apply') >= dir.checkpointLsn)) return true
      yield SECOND
    }
    return this.fail(`Node ${this.replicas.find(({ server }) => server.copy.lsn('apply') < dir.checkpointLsn)?.agent.name} did not catch up`)
  }

  /** A query on a replica: it has no time-out, so a server that stands still keeps it, and a network that is gone does until TCP gives up. */
  private *answered({ agent, server }: Replica): Process<boolean> {
    let silentUs = 0
    while (server.alive && (server.paused || !this.reaches(agent)) && silentUs < RETRANSMIT_US) {
      yield SECOND
      silentUs += this.reaches(agent) ? 0 : SECOND
    }
    return server.alive && silentUs < RETRANSMIT_US
  }

  /** pg_upgrade --link: until it links the old data is untouched, from then on it cannot be started (rule PG-MAJOR-5). */
  private *link(dir: DataDirectory, target: string): Process<boolean> {
    const { agent, world } = this
    this.say('Executing pg_upgrade')
    yield this.takes('upgradeMs')
    const host = { version: target, nodeVersion: agent.body.c.pod.nodeVersion } as Server['host']
    if (agent.body.disk.full || world.defects.of(host, 'crashes') || world.defects.of(host, 'false-ready')) return this.fail(`Failed to upgrade cluster from ${major(dir.image)} to ${major(target)}`)
    dir.files.set(LINKED, '')
    yield this.takes('linkMs')
    return true
  }

  /** The new data takes the old one's place: another system identifier, timeline 1, everything that was acknowledged. */
  private switchData(dir: DataDirectory, target: string): DataDirectory {
    const fresh = successor(this.world, dir, String(BigInt(dir.systemId) + 1n), target)
    this.agent.body.replace(fresh)
    this.say(`PGDATA is of version ${target}`)
    return fresh
  }

  /** The replicas stop, link as the primary did and fetch the new catalogs, all at the same time (rule PG-MAJOR-6). Gives of each whether it worked. */
  private *copyReplicas(fresh: DataDirectory): Process<boolean[]> {
    const { world } = this
    const tasks: (Task<boolean> | undefined)[] = []
    // It asked them for a checkpoint meanwhile, and waits for the answers before it goes on.
    const there: boolean[] = []
    for (const replica of this.replicas) there.push(yield* this.answered(replica))
    for (const [i, { agent, server }] of this.replicas.entries()) {
      if (there[i] === false) this.say(`COPY TO PROGRAM on ${agent.name} failed`)
      tasks.push(there[i] === true ? agent.start(this.copyReplica(agent, server, fresh)) : undefined)
    }
    const endsUs = world.sim.now + RSYNC_US
    const done: boolean[] = []
    for (const [i, task] of tasks.entries()) {
      if (task !== undefined && task.state === 'running') yield within(task, Math.max(0, endsUs - world.sim.now))
      done.push(task?.state === 'done' && task.result === true)
      if (done[i] === false) this.say(`no rsync feedback from ${this.replicas[i]?.agent.name}`)
    }
    yield GRACE_US
    return done
  }

  /** One replica: true when it has the new data. Afterwards its Patroni is started anew once the primary runs, which nobody here waits for. */
  private *copyReplica(agent: Agent, server: Server, fresh: DataDirectory): Process<boolean> {
    const { world } = this
    yield* stop(world, server)
    const dir = agent.body.dir()
    yield this.takes('rsyncMs', agent)
    // Cut off meanwhile, rsync fails, and the old data is put back.
    if (dir === undefined || agent.body.disk.full || !this.reaches(agent) || !this.agent.body.c.running) return false
    dir.copy.adopt(fresh.position)
    const copy = successor(world, dir, fresh.systemId, fresh.image)
    copy.files.set('standby.signal', '')
    agent.body.replace(copy)
    agent.start(this.restartReplica(agent))
    return true
  }

  private *restartReplica(agent: Agent): Process {
    const { dcs, world } = this
    for (let tried = 0; tried < RSYNC_US / SECOND; tried++) {
      const leading = dcs.world.serverOf(this.agent.name)
      if (leading?.state === 'primary' && world.network.connected(agent.place, leading.place)) break
      yield SECOND
    }
    yield this.takes('patroniMs', agent)
    agent.copied = true
    agent.wake()
  }

  /** Patroni is killed and started anew, and starts the server: not while it cannot reach the API (rule PG-MAJOR-7). */
  private *restart(dcs: Dcs): Process {
    const { agent } = this
    for (let tried = 0; tried < RESTART_TRIES && !dcs.reachedFrom(agent.place); tried++) yield SECOND
    if (dcs.reachedFrom(agent.place)) dcs.systemId = undefined
    else this.say('Failed to remove initialize key')
    yield this.takes('patroniMs')
    for (let tried = 0; tried < PATRONI_TRIES && !dcs.reachedFrom(agent.place); tried++) yield SECOND
    if (!dcs.reachedFrom(agent.place)) return this.say('Failed to start primary after upgrade')
    this.say('Starting the primary postgres up')
    agent.body.launch()
    for (let tried = 0; tried < PATRONI_TRIES * 10; tried++) {
      yield SECOND / 10
      const server = agent.body.server()
      if (server === undefined || server.state === 'primary') break
    }
    agent.wake()
  }

  private *replicasRestarted(copied: readonly boolean[]): Process {
    const awaited = this.replicas.filter((_, i) => copied[i]).map(({ agent }) => agent)
    for (let tried = 0; tried < RESTART_TRIES && !awaited.every(each => each.copied); tried++) yield SECOND
  }
}

function* pass(us: Us): Process {
  yield us
}

/** Stops a server cleanly and waits until it is gone, however long. */
function* stop(world: World, server: Server): Process {
  const gone = new Signal()
  const forget = world.onTopology(() => gone.fire())
  server.shutdown('fast')
  try {
    while (server.alive) yield within(gone, SECOND)
  } finally {
    forget()
  }
}

/** The same rows under another system identifier and version, in place of `dir`: it has neither its slots nor its timelines. */
function successor(world: World, dir: DataDirectory, systemId: string, version: string): DataDirectory {
  const fresh = new DataDirectory(dir.name, systemId, dir.copy, 1, version)
  const configuration = dir.files.get('postgresql.auto.conf')
  if (configuration !== undefined) fresh.files.set('postgresql.auto.conf', configuration)
  world.directories.splice(world.directories.indexOf(dir), 1, fresh)
  return fresh
}

