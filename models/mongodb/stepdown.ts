/** Stepping down on request, and shutting down (rules MG-STEPDOWN-…, MG-SHUTDOWN-…). */
import type { Copy, Watch } from '../../src/cluster/log/index.ts'
import { MILLISECOND, type Process, SECOND, within } from '../../src/kernel/index.ts'
import { type Refused, refuse } from './errors.ts'
import { SHUTDOWN, STEPDOWN_FAILED, STEPPED_DOWN } from './events.ts'
import type { Mongod } from './mongod.ts'
import { isoOf } from './calendar.ts'

export interface StepDownRequest {
  readonly stepDownSecs: number
  readonly catchUpSecs: number
  readonly force: boolean
}

/** replSetStepDown, from the command's arrival to its answer: undefined = it is a secondary now. */
export function* stepDown(m: Mongod, { stepDownSecs, catchUpSecs, force }: StepDownRequest): Process<Refused | undefined> {
  const { world } = m
  if (!m.isPrimary || !m.writable) return refuse('NotWritablePrimary', 'not primary so can\'t step down')
  if (m.steppingDown) return refuse('ConflictingOperationInProgress', 'This node is already in the process of stepping down')
  const receivedUs = world.sim.now
  const deadlineUs = receivedUs + catchUpSecs * SECOND
  m.steppingDown = true
  world.sim.note(STEPPED_DOWN, m.name, -1, `${m.name} refuses writes: a step-down has begun`)
  m.copy?.setBackground(0)
  world.topologyChanged()
  yield world.timeUs('stepDownMs', m.name) * m.host.machineSlowdown()
  const level = yield* awaitLevel(m, deadlineUs)
  if (!m.alive || !m.isPrimary) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
  if (!level && !force) {
    m.steppingDown = false
    m.lock.background()
    world.sim.note(STEPDOWN_FAILED, m.name, 0, `${m.name} stays primary: no electable secondary has caught up`)
    world.topologyChanged()
    return refuse('ExceededTimeLimit', `No electable secondaries caught up as of ${isoOf(world.sim.now)}. Please use the replSetStepDown command with the argument {force: true} to force node to step down.`)
  }
  m.ineligibleUntilUs = Math.max(m.ineligibleUntilUs, receivedUs + stepDownSecs * SECOND)
  const heir = force || !m.parameters.electionHandoff ? undefined : heirs(m)[0]
  m.stepDownNow(force && !level ? 'it was forced to step down' : 'it was asked to step down')
  // The heir stands at once and without a dry run (rule MG-STEPDOWN-4).
  if (heir !== undefined) world.sim.after(world.timeUs('handoffMs', m.name), () => heir.alive && heir.electable && heir.run('handoff'))
  return undefined
}

/** Waits until what the primary wrote is on a majority and on one that may be elected (rule MG-STEPDOWN-3); false when the time is up. */
function* awaitLevel(m: Mongod, deadlineUs: number): Process<boolean> {
  const { world } = m
  const watches: Watch[] = []
  try {
    const end = m.copy?.lsn('receive') ?? 0
    for (const dir of world.dbpathOf.values()) {
      if (dir.copy !== undefined && dir.copy !== m.copy) watches.push(dir.copy.whenReaches('apply', end, () => world.changed.fire()))
    }
    for (;;) {
      if (!m.alive || !m.isPrimary) return false
      if (majorityHas(m, end) && heirs(m).length > 0) return true
      const left = deadlineUs - world.sim.now
      if (left <= 0) return false
      yield within(world.changed, left)
    }
  } finally {
    for (const watch of watches) watch.cancel()
  }
}

/** Whether a majority of the votes is on members that have applied up to `lsn` of the primary's own line. */
function majorityHas(m: Mongod, lsn: number): boolean {
  const { world, config } = m
  if (config === undefined) return false
  let having = (m.me?.votes ?? 0) > 0 ? 1 : 0
  for (const voter of config.voters) {
    if (voter.name === m.name || voter.arbiterOnly) continue
    const other = world.mongodOf(voter.name)
    if (other?.copy !== undefined && onLine(m.copy, other.copy) && other.copy.lsn('apply') >= lsn && world.talks(m, other)) having += 1
  }
  return having >= config.majority
}

function onLine(leader: Copy | undefined, copy: Copy): boolean {
  return leader !== undefined && copy.root() === leader
}

/** Caught-up secondaries that may be elected, the one of the highest priority first. */
function heirs(m: Mongod): Mongod[] {
  const { world } = m
  const end = m.copy?.lsn('receive') ?? 0
  return [...world.mongods]
    .filter(o => o !== m && o.electable && !o.quiescing && m.heartbeats.view(o.name)?.up === true && world.talks(m, o) && o.copy !== undefined && onLine(m.copy, o.copy) && o.copy.lsn('apply') >= end)
    .sort((a, b) => (b.me?.priority ?? 0) - (a.me?.priority ?? 0) || (a.name < b.name ? -1 : 1))
}

/** SIGTERM: a primary steps down (waiting, then by force), then the time-out is spent in quiesce mode, then the process ends (rule MG-SHUTDOWN-1). */
export function* shutDown(m: Mongod, timeoutSecs: number): Process {
  const { world } = m
  if (m.stopping) return
  m.stopping = true
  world.sim.note(SHUTDOWN, m.name, 15, `${m.name} is told to stop`)
  const untilUs = world.sim.now + timeoutSecs * SECOND
  if (m.isPrimary) yield* stepDown(m, { stepDownSecs: 120, catchUpSecs: timeoutSecs, force: false })
  if (m.isPrimary) m.stepDownNow('its shutdown would wait no longer')
  m.quiescing = true
  world.topologyChanged()
  m.host.readinessChanged()
  yield Math.max(0, untilUs - world.sim.now)
  yield 100 * MILLISECOND * m.host.diskSlowdown() * m.host.machineSlowdown()
  m.exit(0)
}
