/**
 * Flow control (rule MG-FLOW-1): a primary whose majority point is late by more than half the target makes writes wait, so that they come no
 * faster than the members apply. Looks once a second, and only while somebody is late.
 */
import { SECOND, type TimerId } from '../../src/kernel/index.ts'
import { commitPace, writeConcernOf } from './acknowledge.ts'
import { FLOW_CONTROL } from './events.ts'
import type { Mongod } from './mongod.ts'
import { writtenAtUs } from './optime.ts'
import type { World } from './world.ts'

/** flowControlMinTicketsPerSecond. */
const LEAST_PER_SECOND = 100
/** flowControlThresholdLagPercentage. */
const THRESHOLD = 0.5
/** flowControlFudgeFactor. */
const FUDGE = 0.95
/** flowControlTicketMultiplierConstant and flowControlTicketAdderConstant. */
const MULTIPLIER = 1.05
const ADDER = 500
/** A change of less than this share is none. */
const GRAIN = 0.2

export class FlowControl {
  private timer: TimerId | undefined
  /** Writes that may begin each second; undefined = as many as want to. */
  private tickets: number | undefined

  constructor(private readonly world: World) {
    world.log.onChange(() => this.wake())
    world.onTopology(() => this.wake())
  }

  private wake(): void {
    this.timer ??= this.world.sim.after(SECOND, () => {
      this.timer = undefined
      this.look()
    })
  }

  private look(): void {
    let late = false
    for (const m of this.world.mongods) {
      if (!m.copy?.leading || !m.isPrimary) continue
      const lagUs = this.majorityLagUs(m)
      if (lagUs > 0) late = true
      this.throttle(m, lagUs)
    }
    if (late || this.tickets !== undefined) this.wake()
  }

  /** How late the slowest member is that a majority needs. */
  private majorityLagUs(m: Mongod): number {
    const { world, config } = m
    if (config === undefined) return 0
    const lags: number[] = []
    for (const voter of config.voters) {
      if (voter.name === m.name || voter.arbiterOnly) continue
      const copy = world.dbpathOf.get(voter.name)?.copy
      const behind = copy === undefined || copy.root() !== m.copy ? undefined : copy
      const slack = 300_000
      const lag = behind === undefined ? world.sim.now - (copy === undefined ? 0 : writtenAtUs(world, copy)) : behind.lsn('apply') >= (m.copy as NonNullable<typeof m.copy>).lsn('receive') ? 0 : world.sim.now - writtenAtUs(world, behind)
      lags.push(lag <= slack ? 0 : lag)
    }
    lags.sort((a, b) => a - b)
    return lags[config.majority - 2] ?? (config.majority > 1 && lags.length < config.majority - 1 ? world.sim.now : 0)
  }

  /** Fewer tickets a second while the majority point is late; afterwards a few more each second, until they limit nobody. */
  private throttle(m: Mongod, lagUs: number): void {
    const { world, copy } = m
    const limit = m.parameters.flowControlTargetLagSeconds * SECOND * THRESHOLD
    let connections = 0
    let bytes = 0
    for (const demand of world.log.demands) {
      if (demand.tenure?.head.copy !== copy) continue
      connections += demand.options.connections
      bytes = Math.max(bytes, demand.options.bytesPerWrite)
    }
    const before = this.tickets
    if (lagUs > limit && m.parameters.flowControl && writeConcernOf(m) !== 'majority') this.tickets = Math.max(LEAST_PER_SECOND, this.sustainable(m, bytes) * share(lagUs, limit))
    else if (before !== undefined) {
      const more = before * MULTIPLIER + ADDER
      this.tickets = more > connections * SECOND / Math.max(1, commitPace(m) - m.throttleUs) ? undefined : more
    }
    const throttleUs = this.tickets === undefined || connections === 0 ? 0 : Math.round((connections * SECOND) / this.tickets)
    if (throttleUs === m.throttleUs || (throttleUs > 0 && Math.abs(throttleUs - m.throttleUs) < GRAIN * m.throttleUs)) return
    if ((throttleUs > 0) !== (m.throttleUs > 0)) world.sim.note(FLOW_CONTROL, m.name, throttleUs, throttleUs > 0 ? `${m.name} throttles writes: its majority point is late by ${Math.round(lagUs / SECOND)} s` : `${m.name} no longer throttles writes`)
    m.throttleUs = throttleUs
    copy?.setCommitLatency(commitPace(m))
  }

  /** Writes per second that the members apply now. */
  private sustainable(m: Mongod, bytesPerWrite: number): number {
    let best = 0
    for (const other of this.world.mongods) {
      const { copy } = other
      if (copy === undefined || copy.upstream !== m.copy || this.world.frozen.has(copy)) continue
      const { apply } = copy.curves
      const i = apply.index(this.world.sim.now)
      best = Math.max(best, (apply.slope[i] as number) * SECOND)
    }
    return bytesPerWrite > 0 ? best / bytesPerWrite : 0
  }
}

/** A little less than what is applied, and half of it again for each further threshold of lag, so that the lag falls. */
function share(lagUs: number, thresholdUs: number): number {
  let factor = FUDGE
  for (let over = lagUs - thresholdUs; over >= thresholdUs; over -= thresholdUs) factor /= 2
  return factor
}
