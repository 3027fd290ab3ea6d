/**
 * What a server lets its clients wait for: writes, for a manual failover or its own end (rules RD-MANUAL-1, RD-STOP-1); writes or everything, because
 * CLIENT PAUSE said so (rule RD-PAUSE-1). The two are kept apart: neither ends the other. Source: networking.c pauseActions, server.c processCommand.
 */
import type { Us } from '../../src/kernel/index.ts'
import { CLIENTS_PAUSED, WRITES_PAUSED } from './events.ts'
import type { Server } from './server.ts'

export class Holds {
  private writesUntilUs: Us = 0
  private clientsUntilUs: Us = 0
  private everything = false

  constructor(private readonly server: Server) {}

  private get nowUs(): Us {
    return this.server.world.sim.now
  }

  /** Writes wait. */
  get writes(): boolean {
    return this.writesUntilUs > this.nowUs || this.clientsUntilUs > this.nowUs
  }

  /** So does every other command, a ping and CLIENT UNPAUSE among them. */
  get all(): boolean {
    return this.everything && this.clientsUntilUs > this.nowUs
  }

  holdWrites(untilUs: Us): void {
    const { server } = this
    this.writesUntilUs = Math.max(this.writesUntilUs, untilUs)
    server.world.sim.note(WRITES_PAUSED, server.name, 1)
    server.later(untilUs - this.nowUs + 1, () => !this.writes && server.changed())
    server.changed()
  }

  releaseWrites(): void {
    const { server } = this
    if (server.state === 'stopping' || this.writesUntilUs === 0) return
    this.writesUntilUs = 0
    server.world.sim.note(WRITES_PAUSED, server.name, 0)
    server.changed()
  }

  /** CLIENT PAUSE: asked again it lasts until the later end, and holds back the more of the two. */
  pauseClients(forUs: Us, everything: boolean): void {
    const { server } = this
    this.everything = everything || this.all
    this.clientsUntilUs = Math.max(this.clientsUntilUs, this.nowUs + forUs)
    server.world.sim.note(CLIENTS_PAUSED, server.name, this.everything ? 2 : 1, `${server.name} was told to let ${this.everything ? 'all commands' : 'writes'} wait`)
    server.later(forUs + 1, () => this.clientsUntilUs > 0 && this.clientsUntilUs <= this.nowUs && this.unpauseClients())
    this.tell()
  }

  /** CLIENT UNPAUSE, or the time is over. */
  unpauseClients(): void {
    const { server } = this
    if (this.clientsUntilUs === 0) return
    this.clientsUntilUs = 0
    this.everything = false
    server.world.sim.note(CLIENTS_PAUSED, server.name, 0)
    this.tell()
  }

  private tell(): void {
    this.server.host.readinessChanged()
    this.server.changed()
  }
}
