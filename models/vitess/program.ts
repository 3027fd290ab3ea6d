/** What the tablet's pod does: mysqld and vttablet come up on the disk they find, take their place in the shard, and go down (rules VT-TABLET-…, VT-VERSION-…). */
import type { Disk } from '../../src/cluster/disk.ts'
import type { Position } from '../../src/cluster/log/index.ts'
import { MILLISECOND, type Process, SECOND, type Task } from '../../src/kernel/index.ts'
import type { CommandRegistry } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { EVENT } from './events.ts'
import { compareMysql, DATA_MOUNT, opens, seriesOf } from './names.ts'
import type { Tablet, TabletType } from './tablet.ts'
import type { World } from './world.ts'

/** What lies on a tablet's disk. */
interface Directory {
  readonly tablet: Tablet
}

export class TabletProgram implements ContainerProgram {
  private readonly running = new Map<Tablet, { readonly c: ContainerHandle; task: Task<void> | undefined }>()
  /** Until when a fault holds up the next start. */
  readonly heldUntilUs = new Map<string, number>()

  constructor(
    private readonly world: World,
    private readonly shellOf: (tablet: Tablet, c: ContainerHandle) => CommandRegistry,
    /** MySQL that the tablet's next pod will have. */
    private readonly nextVersion: (tablet: Tablet) => string,
  ) {}

  private tabletOf(c: ContainerHandle): Tablet | undefined {
    return this.world.tablets.get(c.pod.name)
  }

  start(c: ContainerHandle): void {
    const { world } = this
    const tablet = this.tabletOf(c)
    const disk = c.volume(DATA_MOUNT)
    if (tablet === undefined || disk === undefined || disk.destroyed) return void world.sim.after(10 * MILLISECOND, () => c.exited(1))
    this.adopt(tablet, disk, c)
    const run = { c, task: undefined as Task<void> | undefined }
    this.running.set(tablet, run)
    tablet.place = c.machine.name
    tablet.machineFactor = () => c.machine.slowdownFactor
    // A machine that gets its speed back gives it back to whoever runs on it: without this a replica would stay behind for ever (VT-TABLET-5).
    c.machine.onPace(() => {
      if (this.running.get(tablet) !== run || !tablet.hasData) return
      tablet.setPace()
      tablet.shard.changed()
    })
    tablet.state = 'starting'
    if (c.atBoot) return this.open(tablet, c)
    run.task = world.sim.spawn(this.comeUp(tablet, c, disk))
  }

  /** A disk that is new to the tablet is empty, but for those that the story begins with. */
  private adopt(tablet: Tablet, disk: Disk, c: ContainerHandle): void {
    if (disk.contents !== undefined) return
    disk.contents = { tablet } satisfies Directory
    // The tablets of a new shard come up with empty tables.
    tablet.hasData = c.atBoot || !tablet.shard.initialised
    const tune = (): void => {
      if (disk.destroyed) {
        tablet.hasData = false
        return
      }
      tablet.diskFactor = disk.slowdownFactor
      tablet.diskFull = disk.full
      if (tablet.copy.leading) tablet.applyRule()
      else if (tablet.hasData) this.room(tablet)
      tablet.setPace()
      tablet.shard.changed()
    }
    disk.onChange(tune)
  }

  private readonly stuffed = new Set<Tablet>()

  /** Without room for relay logs nothing is received. */
  private room(tablet: Tablet): void {
    if (tablet.diskFull === this.stuffed.has(tablet)) return
    if (tablet.diskFull) this.stuffed.add(tablet)
    else this.stuffed.delete(tablet)
    if (tablet.diskFull) tablet.copy.freeze('receive')
    else tablet.copy.thaw('receive')
  }

  private *comeUp(tablet: Tablet, c: ContainerHandle, disk: Disk): Process {
    const { world } = this
    const { sim } = world
    const version = c.imageUsed.versions.engine ?? tablet.version
    const fail = (why: string): void => {
      tablet.state = 'down'
      this.running.delete(tablet)
      sim.note(EVENT.startFailed, tablet.pod, 0, `${tablet.pod} does not start: ${why}`)
      tablet.shard.changed()
      c.exited(1)
    }
    const held = this.heldUntilUs.get(tablet.pod) ?? 0
    if (held > sim.now) yield held - sim.now
    if (!tablet.hasData) {
      if (!(yield* this.restore(tablet, disk))) return
    } else if (tablet.clean) yield Math.round(world.timeUs('mysqlStartSeconds', tablet.alias) * c.machine.slowdownFactor * tablet.diskFactor)
    else yield Math.round(world.timeUs('crashStartSeconds', tablet.alias) * c.machine.slowdownFactor * tablet.diskFactor)
    const before = tablet.version
    tablet.version = version
    if (world.defects.of(tablet, 'crashes')) return fail('the new version crashes')
    if (world.defects.of(tablet, 'cannot-read')) return fail('the new version cannot read the data directory')
    // What a newer one has upgraded is not opened again, and no LTS series is passed over (rules VT-VERSION-2, VT-VERSION-4).
    if (!opens(version, tablet.dataVersion)) {
      tablet.version = before
      return fail(`MySQL ${version} cannot open a data directory of ${tablet.dataVersion}`)
    }
    if (seriesOf(version) !== seriesOf(tablet.dataVersion)) yield Math.round(world.timeUs('dictionaryUpgradeSeconds', tablet.alias) * tablet.diskFactor)
    if (compareMysql(version, tablet.dataVersion) > 0) tablet.dataVersion = version
    if (tablet.brokenBy !== undefined && version !== before) tablet.brokenBy = undefined
    // A vttablet without the topo server does not know who it is: it waits (rule VT-TOPO-1).
    while (!world.topoUp) yield world.topoBack
    tablet.startedUs = sim.now
    this.open(tablet, c)
    const run = this.running.get(tablet)
    if (run !== undefined) run.task = undefined
  }

  /** From the latest backup, then the binlogs since. Without a backup the tablet stays empty and says so (rule VT-BACKUP-1). */
  private *restore(tablet: Tablet, disk: Disk): Process<boolean> {
    const { world } = this
    tablet.setType('restore')
    tablet.shard.changed()
    if (!world.options.backup) {
      world.sim.note(EVENT.startFailed, tablet.pod, 1, `${tablet.pod} has no data, and there is no backup to restore`)
      return false
    }
    yield Math.round(world.timeUs('restoreMinutes', tablet.alias) * disk.slowdownFactor)
    tablet.copy.unfollow()
    const { position, version } = world.backups.get(tablet.shard) as { readonly position: Position; readonly version: string | undefined }
    tablet.copy.adopt(position)
    tablet.hasData = true
    tablet.errant = false
    tablet.brokenBy = undefined
    // What opens it next opens the backup's data directory (rule VT-VERSION-3).
    tablet.dataVersion = version ?? tablet.dataVersion
    world.sim.note(EVENT.restored, tablet.pod, 0, `${tablet.pod} holds the latest backup`)
    return true
  }

  /** It is up and takes the place that the shard record gives it (rule VT-TABLET-1). */
  private open(tablet: Tablet, c: ContainerHandle, type: TabletType = tablet.declared): void {
    const { world } = this
    const { shard } = tablet
    // A vttablet that starts is what its flags say, whatever it was changed to (rule VT-TYPE-2).
    if (shard.primary !== tablet && tablet.type !== 'primary' && tablet.type !== type) {
      tablet.setType(type)
      shard.leader?.applyRule()
    }
    tablet.state = 'up'
    tablet.agent = true
    tablet.clean = false
    if (!world.booting) world.sim.note(EVENT.started, tablet.pod, 0, `${tablet.pod} is up with MySQL ${tablet.version}`)
    takePlace(tablet)
    shard.changed()
    c.readinessChanged()
  }

  /** RestoreFromBackup: mysqld stops, its data are replaced, it comes up again. */
  *restoreAgain(tablet: Tablet): Process<boolean> {
    const run = this.running.get(tablet)
    const disk = run?.c.volume(DATA_MOUNT)
    if (run === undefined || disk === undefined || !tablet.up) return false
    tablet.stopLeading('clean')
    tablet.copy.unfollow()
    tablet.source = undefined
    tablet.state = 'starting'
    const before = tablet.type
    const restored = yield* this.restore(tablet, disk)
    if (this.running.get(tablet) !== run) return false
    if (!restored) return false
    // It is what it was: one that was put aside stays aside (rule VT-BACKUP-4).
    this.open(tablet, run.c, before === 'restore' || before === 'backup' ? tablet.declared : before)
    return true
  }

  private readonly saving = new Set<Tablet>()

  /** Whether a backup of it is being taken. */
  backingUp(tablet: Tablet): boolean {
    return this.saving.has(tablet)
  }

  /** Takes a backup of where the tablet is: the builtin engine shuts its mysqld down for that, xtrabackup does not (rule VT-BACKUP-2). @returns whether there is one now */
  *backUp(tablet: Tablet): Process<boolean> {
    const { world } = this
    const run = this.running.get(tablet)
    const disk = run?.c.volume(DATA_MOUNT)
    if (run === undefined || disk === undefined || !tablet.up) return false
    const there = (): boolean => this.running.get(tablet) === run && tablet.hasData
    const copying = (): number => Math.round(world.timeUs('backupMinutes', tablet.alias) * run.c.machine.slowdownFactor * disk.slowdownFactor)
    this.saving.add(tablet)
    try {
      if (world.options.backupEngine === 'xtrabackup') {
        yield copying()
        if (!there() || !tablet.up) return false
        this.saved(tablet)
        return true
      }
      const before = tablet.type
      tablet.setType('backup')
      tablet.shard.leader?.applyRule()
      tablet.copy.unfollow()
      tablet.state = 'starting'
      tablet.shard.changed()
      run.c.readinessChanged()
      yield Math.round(world.timeUs('mysqlStopSeconds', tablet.alias) * run.c.machine.slowdownFactor * tablet.diskFactor)
      if (!there()) return false
      tablet.clean = true
      this.saved(tablet)
      yield copying()
      if (!there()) return false
      yield Math.round(world.timeUs('mysqlStartSeconds', tablet.alias) * run.c.machine.slowdownFactor * tablet.diskFactor)
      if (!there()) return false
      this.open(tablet, run.c, before)
      return true
    } finally {
      this.saving.delete(tablet)
    }
  }

  private saved(tablet: Tablet): void {
    const { world } = this
    world.backups.set(tablet.shard, { position: tablet.copy.position('flush'), version: tablet.dataVersion })
    world.backupTimes.set(tablet.shard, [...(world.backupTimes.get(tablet.shard) ?? []), { us: world.sim.now, alias: tablet.alias }])
    world.sim.note(EVENT.backedUp, tablet.pod, 0, `a backup of ${tablet.pod} holds what it has now`)
  }

  /** TERM: the vttablet says that it does not serve, then mysqld shuts down; KILL: both are gone. */
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const tablet = this.tabletOf(c)
    const run = tablet === undefined ? undefined : this.running.get(tablet)
    if (tablet === undefined || run?.c !== c) return c.exited(s === 'KILL' ? 137 : 0)
    if (s === 'KILL' || tablet.state === 'starting') {
      this.crash(tablet, s === 'KILL' ? 'SIGKILL' : 'stopped while it started')
      return c.exited(s === 'KILL' ? 137 : 0)
    }
    if (tablet.state === 'stopping') return
    const { world } = this
    tablet.state = 'stopping'
    tablet.serving = false
    world.sim.note(EVENT.stopping, tablet.pod, 0, `${tablet.pod} shuts down`)
    // What is on the way is answered; then nothing more is written.
    if (tablet.copy.leading) {
      world.departures.push({ atUs: world.sim.now, member: tablet.pod, position: tablet.copy.position('receive'), cause: world.faultStriking ? 'fault' : 'runbook' })
      tablet.stopLeading('clean')
    }
    tablet.shard.changed()
    const slow = seriesOf(this.nextVersion(tablet)) !== seriesOf(tablet.version)
    const us = world.timeUs(slow ? 'slowStopSeconds' : 'mysqlStopSeconds', tablet.alias)
    world.sim.after(Math.round(us * c.machine.slowdownFactor * tablet.diskFactor), () => {
      if (this.running.get(tablet) !== run) return
      tablet.clean = true
      this.down(tablet)
      world.sim.note(EVENT.stopped, tablet.pod, 0, `${tablet.pod} is down`)
      tablet.shard.changed()
      c.exited(0)
    })
  }

  /** Both processes are gone at once; what is on the disk stays. */
  crash(tablet: Tablet, why: string): void {
    const { world } = this
    const run = this.running.get(tablet)
    if (run === undefined) return
    run.task?.kill()
    if (tablet.copy.leading) world.departures.push({ atUs: world.sim.now, member: tablet.pod, position: tablet.copy.position('receive'), cause: world.faultStriking ? 'fault' : 'runbook' })
    tablet.serving = false
    if (tablet.hasData) tablet.copy.crash(tablet.copy.leading)
    this.down(tablet)
    tablet.clean = false
    world.sim.note(EVENT.crashed, tablet.pod, 0, `${tablet.pod} is gone: ${why}`)
    tablet.shard.changed()
  }

  private down(tablet: Tablet): void {
    this.running.delete(tablet)
    tablet.copy.unfollow()
    tablet.state = 'down'
    tablet.agent = false
    tablet.paused = false
  }

  /** mysqld is killed; the pod's container ends with it. */
  kill(tablet: Tablet): void {
    const c = this.running.get(tablet)?.c
    if (c === undefined) return
    this.crash(tablet, 'SIGKILL')
    c.exited(137)
  }

  /** The vttablet alone crashes and is restarted beside a mysqld that goes on (rule VT-TABLET-3). */
  crashAgent(tablet: Tablet, heldUs: number): void {
    const { world } = this
    const run = this.running.get(tablet)
    tablet.agent = false
    tablet.serving = false
    world.sim.note(EVENT.agentDown, tablet.pod, 0, `the vttablet of ${tablet.pod} is gone; its mysqld runs on`)
    tablet.shard.changed()
    run?.c.readinessChanged()
    const comeBack = (): void => {
      if (this.running.get(tablet) !== run || run === undefined || !tablet.up) return
      if (!world.topoUp) return void world.topoBack.park(world.sim, comeBack)
      tablet.agent = true
      if (tablet.shard.primary !== tablet && tablet.type !== 'primary' && tablet.type !== tablet.declared) {
        tablet.setType(tablet.declared)
        tablet.shard.leader?.applyRule()
      }
      world.sim.note(EVENT.agentUp, tablet.pod, 0, `the vttablet of ${tablet.pod} is back`)
      takePlace(tablet)
      tablet.shard.changed()
      run.c.readinessChanged()
    }
    world.sim.after(Math.max(heldUs, 1) + world.timeUs('vttabletRestartSeconds', tablet.alias), comeBack)
  }

  /** SIGSTOP and SIGCONT of both processes: nobody is told anything. */
  pause(tablet: Tablet, paused: boolean): void {
    if (tablet.paused === paused) return
    tablet.paused = paused
    this.world.sim.note(EVENT.paused, tablet.pod, paused ? 1 : 0, `${tablet.pod} ${paused ? 'stands still' : 'goes on'}`)
    tablet.shard.changed()
    this.running.get(tablet)?.c.readinessChanged()
  }

  machineLost(c: ContainerHandle): void {
    const tablet = this.tabletOf(c)
    if (tablet !== undefined && this.running.get(tablet)?.c === c) this.crash(tablet, 'power loss')
  }

  /** The readiness probes ask the vttablet whether it serves what it is to serve, and whether mysqld listens (rule VT-TABLET-2). */
  ready(c: ContainerHandle): boolean {
    const tablet = this.tabletOf(c)
    if (tablet === undefined || this.running.get(tablet)?.c !== c) return false
    if (this.world.booting) return true
    return tablet.ready
  }

  programs(c: ContainerHandle): CommandRegistry {
    return this.shellOf(this.tabletOf(c) as Tablet, c)
  }

  /** What readiness probes of a shard's tablets would see may have changed. */
  readinessChanged(tablets: readonly Tablet[]): void {
    for (const tablet of tablets) this.running.get(tablet)?.c.readinessChanged()
  }
}

/** What a vttablet does when it comes up: the shard record says whether it is the primary, and else whom it follows (rule VT-TABLET-1). */
export function takePlace(tablet: Tablet): void {
  const { shard, world } = tablet
  if (!tablet.hasData) return
  if (shard.primary === undefined || shard.primary === tablet) {
    if (shard.primary === undefined && !world.booting) return
    if (!tablet.copy.leading) tablet.lead(undefined)
    else tablet.setType('primary')
    tablet.serving = shard.demotedUs === undefined
    shard.readRecord()
    return
  }
  stepDown(tablet)
}

/** Somebody else is the primary by the shard record: it follows, or is put aside with what only it has (rules VT-TOPO-2, VT-GTID-1). */
export function stepDown(tablet: Tablet): void {
  const { shard, world } = tablet
  const primary = shard.primary
  if (primary === undefined || primary === tablet) return
  if (tablet.copy.leading) {
    world.sim.note(EVENT.stepsDown, tablet.pod, 0, `${tablet.pod} learns that ${primary.pod} is the primary and steps down`)
    tablet.stopLeading('clean')
  }
  if (tablet.type === 'primary') tablet.setType(tablet.declared)
  tablet.setSource(primary)
}

/** How long until a tablet that can read the topo server does so (its shard watch). */
export const SHARD_WATCH_US = 2 * SECOND
