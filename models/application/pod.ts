/** A pod of the program: its build, its flags as it knows them, its connections, and the requests it is working on. */
import { defineEvent, MILLISECOND, SECOND, Signal, type Task, type TimerId, type Us } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/index.ts'
import type { Connection } from './connection.ts'
import { PodFlags } from './flags.ts'
import { type Build, buildOf, versionOf } from './options.ts'
import type { Side } from './rows.ts'
import { checkCurl, errorOf, refusesWrites, type World } from './world.ts'

const UP = defineEvent('application.up')
const DOWN = defineEvent('application.down')
const FLAGS = defineEvent('application.flags')

/** What a request to a pod would meet. */
export type Prospect = { readonly is: 'served' } | { readonly is: 'paused' } | { readonly is: 'hangs' } | { readonly is: 'fails'; readonly error: string }

/** The databases that a build writes to, in its order. */
export function sidesOf({ writes, order }: Build): readonly Side[] {
  return writes !== 'both' ? [writes] : order === 'legacy-first' ? ['legacy', 'modern'] : ['modern', 'legacy']
}

export class Pod {
  up = false
  alive = true
  frozen = false
  readonly tasks = new Set<Task<'ok' | 'error'>>()
  /** Fired when its flags change, or what it waits for. */
  readonly reconsidered = new Signal<void>()
  private flags: PodFlags | undefined
  private readonly connections: Partial<Record<Side, Connection>> = {}
  private timer: TimerId | undefined
  /** A database that it writes to has said that it takes no writes, as its build last saw it; and when it asks again one that takes them since. */
  private refusing = false
  private retry: TimerId | undefined
  private retries = 0
  private known: Build
  /** The flags as it logged them, each time they changed. */
  private readonly lines: { readonly atUs: Us; readonly text: string }[] = []

  constructor(
    readonly world: World,
    readonly c: ContainerHandle,
  ) {
    this.known = buildOf(world.options, c.image)
    world.pods.set(c.pod.uid, this)
  }

  get name(): string {
    return this.c.pod.name
  }

  /** What the program does, its flags taken in. */
  get behaviour(): Build {
    return this.known
  }

  /** It holds writes back until a database takes them (rule APP-WAIT-1). */
  get refused(): boolean {
    return this.known.onReadOnly === 'wait' && (this.retry !== undefined || this.refuses)
  }

  private get refuses(): boolean {
    return sidesOf(this.known).some(side => refusesWrites(this.connections[side]?.state))
  }

  start(): void {
    const { sim, options } = this.world
    const serve = (): void => {
      this.timer = undefined
      this.up = true
      this.flags = new PodFlags(this.world, `${this.name}#${this.c.incarnation}`, () => this.reconsider())
      this.reconsider()
      for (const side of ['legacy', 'modern'] as const) this.connections[side] = this.world.connect(this.name, this.c.machine.name, side, () => this.connectionChanged(), 'program')
      if (!this.c.atBoot) sim.note(UP, this.name, this.c.incarnation, `${this.name} serves (${this.c.image})`)
      this.c.readinessChanged()
      this.world.changed()
    }
    if (this.c.atBoot) serve()
    else this.timer = sim.after(options.startSeconds * SECOND * this.c.machine.slowdownFactor, serve)
  }

  /** The process ends; what it was working on is left as it is. */
  end(code: number, why: string): void {
    if (!this.alive) return
    const { world } = this
    this.alive = false
    this.up = false
    for (const timer of [this.timer, this.retry]) if (timer !== undefined) world.sim.cancel(timer)
    this.flags?.close()
    for (const connection of Object.values(this.connections)) world.disconnect(connection)
    for (const task of [...this.tasks]) task.kill()
    this.tasks.clear()
    world.pods.delete(this.c.pod.uid)
    world.sim.note(DOWN, this.name, code, `${this.name}: ${why}`)
    this.c.exited(code)
    world.changed()
  }

  /** Its process stands still, or goes on. */
  freeze(frozen: boolean): void {
    if (!this.alive) return
    this.frozen = frozen
    this.c.readinessChanged()
    this.world.changed()
  }

  connection(side: Side): Connection | undefined {
    return this.connections[side]
  }

  /** How much longer than when all is well a write takes now: the way from `place` here, and each database in turn. */
  addedUs(place: string): Us {
    const databases = sidesOf(this.known).reduce((sum, side) => sum + (this.connections[side]?.addedUs ?? 0), 0)
    return this.world.kubernetes.network.addedUs(place, this.c.machine.name) + databases
  }

  /** The flags that this build asks for, as this pod knows them: `name=value`, or `name=` without one. */
  reports(): string {
    return Object.keys(buildOf(this.world.options, this.c.image).flags).map(flag => `${flag}=${this.flags?.values[flag] ?? ''}\n`).join('')
  }

  logged(sinceUs: Us): string {
    return this.lines.filter(line => line.atUs >= sinceUs).map(line => `${line.text}\n`).join('')
  }

  private reconsider(): void {
    const { world, c } = this
    const plain = buildOf(world.options, c.image)
    const now: Build = { ...plain }
    for (const [flag, values] of Object.entries(plain.flags)) {
      const value = this.flags?.values[flag]
      const changes = value === undefined ? undefined : values[value]
      if (changes !== undefined) Object.assign(now, Object.fromEntries(Object.entries(changes).filter(([, v]) => v !== undefined)))
    }
    this.known = now
    this.refusing = this.refuses
    const line = this.reports().trimEnd().replaceAll('\n', ' ')
    if (line !== '' && line !== this.lines.at(-1)?.text) this.lines.push({ atUs: world.sim.now, text: line })
    if (!c.atBoot || !world.kubernetes.booting) world.sim.note(FLAGS, this.name, 0, () => `${this.name} now writes to ${now.writes}${now.paused ? ' (paused)' : ''} and reads from ${now.reads}`)
    this.reconsidered.fire()
    world.changed()
  }

  /** What statements would find is another thing. Who waits learns that writes are taken when it asks again, within `readOnlyRetryMs`. */
  private connectionChanged(): void {
    const { world, refusing, refuses } = this
    if (this.known.onReadOnly === 'wait') {
      if (this.retry !== undefined && refuses) {
        world.sim.cancel(this.retry)
        this.retry = undefined
      }
      if (refusing && !refuses && this.retry === undefined) {
        const us = world.options.readOnlyRetryMs * MILLISECOND * world.sim.chance.draw(`${this.name}#${this.c.incarnation}`, 'application.read-only-retry', this.retries++)
        this.retry = world.sim.after(us, () => {
          this.retry = undefined
          this.reconsidered.fire()
          world.changed()
        })
      }
      this.refusing = refuses
      this.reconsidered.fire()
    }
    world.changed()
  }

  /** What a write would meet now. */
  prospect(): Prospect {
    if (!this.alive || !this.up) return { is: 'fails', error: 'connection refused' }
    if (this.frozen) return { is: 'hangs' }
    const { writes, paused, onLegacyError, onModernError } = this.known
    if (paused || this.refused) return { is: 'paused' }
    for (const side of sidesOf(this.known)) {
      const state = this.connections[side]?.state
      if (state?.is === 'silent' || state?.is === 'held') return { is: 'hangs' }
      const error = errorOf(state)
      if (error !== undefined && (writes !== 'both' || (side === 'legacy' ? onLegacyError : onModernError) === 'return')) return { is: 'fails', error: `${side}: ${error}` }
    }
    return { is: 'served' }
  }

  /** Share of its requests that come to a statement on each database, and in which that fails, told or only logged. */
  statements(): Partial<Record<Side, { readonly tried: number; readonly failed: number }>> {
    const { options } = this.world
    const { onLegacyError, onModernError, errorP } = this.known
    const found: Partial<Record<Side, { readonly tried: number; readonly failed: number }>> = {}
    let tried = 1 - errorP
    for (const side of sidesOf(this.known)) {
      const failed = tried * (errorOf(this.connections[side]?.state) !== undefined ? 1 : side === 'legacy' ? options.legacyErrorP : options.modernErrorP)
      found[side] = { tried, failed }
      if ((side === 'legacy' ? onLegacyError : onModernError) === 'return') tried -= failed
    }
    return found
  }
}

export class Program implements ContainerProgram {
  private readonly running = new Map<string, Pod>()

  constructor(private readonly world: World) {}

  private of(c: ContainerHandle): Pod | undefined {
    return this.running.get(`${c.pod.uid}/${c.incarnation}`)
  }

  start(c: ContainerHandle): void {
    const pod = new Pod(this.world, c)
    this.running.set(`${c.pod.uid}/${c.incarnation}`, pod)
    pod.start()
  }

  /** At SIGTERM it serves on for a while: routes to it are taken away meanwhile. */
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const pod = this.of(c)
    if (pod === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    if (s === 'KILL') pod.end(137, 'SIGKILL')
    else this.world.sim.after(this.world.options.drainSeconds * SECOND, () => pod.end(0, 'stopped'))
  }

  machineLost(c: ContainerHandle): void {
    this.of(c)?.end(137, 'power loss')
  }

  ready(c: ContainerHandle): boolean {
    const pod = this.of(c)
    return pod?.up === true && !pod.frozen
  }

  /** It logs the flags that it goes by whenever they change. */
  logs(c: ContainerHandle, sinceUs = 0): string {
    return this.of(c)?.logged(sinceUs) ?? ''
  }

  programs(c: ContainerHandle): CommandRegistry {
    const curl: Command = {
      name: 'curl',
      summary: 'kubectl exec POD -- curl -s localhost:8080/flags | /version',
      check: checkCurl,
      latencyUs: () => 5_000,
      look: call => {
        const pod = this.of(c)
        const forEver = Number.POSITIVE_INFINITY
        if (pod?.up !== true || !/:8080\//.test(call.argv.at(-1) ?? '')) return { output: failed('curl: (7) Failed to connect to localhost port 8080: Connection refused\n', 7), afterUs: 0, stableUntilUs: forEver }
        return { output: ok(call.argv.at(-1)?.endsWith('/version') === true ? `${versionOf(c.image)}\n` : pod.reports()), afterUs: 0, stableUntilUs: forEver }
      },
      *run() {
        return ok()
      },
    }
    return new CommandRegistry(`container ${this.world.options.name}`).register(curl)
  }
}
