/** What Patroni's loop does while a long action goes on beside it: it renews the key (rule PG-PATRONI-4). Source: Patroni ha.py handle_long_action_in_progress. */
import { type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { Server } from '../server.ts'
import type { Dcs } from './dcs.ts'

/** The renewals of one holder during one action. To be asked often; it renews each loop_wait. */
export class Renewal {
  private readonly loopUs: Us
  private lastUs: Us

  constructor(
    private readonly dcs: Dcs,
    private readonly place: string,
    private readonly server: Server,
  ) {
    this.loopUs = dcs.options.loopWaitSeconds * SECOND
    this.lastUs = dcs.world.sim.now
  }

  readonly look = (): void => {
    const { dcs, server } = this
    const { now } = dcs.world.sim
    if (now - this.lastUs < this.loopUs) return
    this.lastUs = now
    if (server.alive && dcs.holder === server.name && dcs.reachedFrom(this.place)) dcs.renew(server.name, server.copy.lsn('flush'))
  }

  /** Lets so much time pass. */
  *wait(us: Us): Process {
    let leftUs = us
    for (; leftUs > this.loopUs; leftUs -= this.loopUs) {
      yield this.loopUs
      this.look()
    }
    yield leftUs
  }
}
