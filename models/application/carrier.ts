/** What carries changes from one database to the other, a connector (`cdc.ts`) or the relay of an outbox (`outbox.ts`), as far as the two are alike. */
import type { Copy } from '../../src/cluster/log/index.ts'
import { NEVER, type Us } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/index.ts'
import type { Connection } from './connection.ts'
import { type Commit, type Key, NO_ROW, type Row } from './rows.ts'
import { effectOf } from './statements.ts'
import { checkCurl, type World } from './world.ts'

/** A change as it stands in a log, or in an outbox. */
export interface Change {
  readonly key: Key
  readonly commit: Commit
}

/** blind: the row as the change has it; versioned: only over an older one. */
export type Mode = 'blind' | 'versioned'

export interface Carrier {
  readonly options: { readonly name: string }
  readonly c: ContainerHandle
  readonly up: boolean
  /** It moves, and is further behind than usual: it will catch up by itself. */
  readonly catchingUp: boolean
  /** The database that it fills, while it can. */
  readonly fills: Copy | undefined
  /** When its process began, served and ended. */
  readonly life: Life
  /** What its metrics would have shown at an instant, by name. */
  gaugesAt(atUs: Us): Readonly<Record<string, number>>
  /** There may be something new to carry. */
  changed(): void
  /** A fault holds it up; returns how to end that. */
  stall(): () => void
  /** Ends it. @param clean it had time to note how far it has come */
  end(code: number, clean: boolean): void
}

export interface Life {
  readonly bornUs: Us
  upUs: Us
  endedUs: Us
}

/** A process that has just begun. */
export function born(atUs: Us): Life {
  return { bornUs: atUs, upUs: Number.POSITIVE_INFINITY, endedUs: Number.POSITIVE_INFINITY }
}

/** The row that a change leaves; undefined: it changes nothing. */
export function applied(there: Row, { row, version }: Commit, mode: Mode): Row | undefined {
  if (mode === 'blind') return row.present ? row : { ...NO_ROW, op: row.op }
  const effect = effectOf(there, { id: row.op }, { sql: row.present ? 'update' : 'delete', form: 'versioned', version })
  return effect.is === 'changed' ? effect.row : undefined
}

/** The copy behind a session that writes although the default is read-only, as a superuser's does (facts BG-F06), if the server leads at all. */
export function leading(connection: Connection | undefined): Copy | undefined {
  const state = connection?.state
  return state?.is === 'writable' ? state.leader : state?.is === 'readOnly' && state.copy.leading ? state.copy : undefined
}

/** What holds something up, several at once. */
export class Stalls {
  private count = 0

  constructor(private readonly changed: () => void) {}

  get any(): boolean {
    return this.count > 0
  }

  /** Holds it up; returns how to end that. */
  begin(): () => void {
    this.count += 1
    this.changed()
    let over = false
    return () => {
      if (over) return
      over = true
      this.count -= 1
      this.changed()
    }
  }
}

/** An image whose process is a carrier: it serves what it has to say on port 8083. */
export abstract class CarrierProgram<T extends Carrier> implements ContainerProgram {
  private readonly running = new Map<string, T>()
  private readonly refused = new Map<string, string>()

  constructor(
    protected readonly world: World,
    private readonly name: string,
    private readonly summary: string,
  ) {}

  /** The process of a container, or what is wrong with its arguments. */
  protected abstract begun(c: ContainerHandle): T | string
  /** What it answers to a path; undefined: it has no such page. */
  protected abstract page(carrier: T, path: string): string | undefined

  private of(c: ContainerHandle): T | undefined {
    return this.running.get(`${c.pod.uid}/${c.incarnation}`)
  }

  start(c: ContainerHandle): void {
    const carrier = this.begun(c)
    if (typeof carrier !== 'string') return void this.running.set(`${c.pod.uid}/${c.incarnation}`, carrier)
    this.refused.set(c.pod.uid, carrier)
    c.exited(2)
  }

  /** It logs nothing but why it does not start. */
  logs(c: ContainerHandle): string {
    const why = this.refused.get(c.pod.uid)
    return why === undefined ? '' : `${why}\n`
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const carrier = this.of(c)
    if (carrier === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    carrier.end(s === 'KILL' ? 137 : 0, s !== 'KILL')
  }

  machineLost(c: ContainerHandle): void {
    this.of(c)?.end(137, false)
  }

  ready(c: ContainerHandle): boolean {
    return this.of(c)?.up === true
  }

  programs(c: ContainerHandle): CommandRegistry {
    const { sim } = this.world
    const curl: Command = {
      name: 'curl',
      summary: this.summary,
      check: checkCurl,
      latencyUs: () => 5_000,
      look: call => {
        const carrier = this.of(c)
        const path = /:8083(\/.*)$/.exec(call.argv.at(-1) ?? '')?.[1]
        if (carrier?.up !== true || path === undefined) return { output: failed('curl: (7) Failed to connect to localhost port 8083: Connection refused\n', 7), afterUs: 0, stableUntilUs: NEVER }
        return { output: ok(this.page(carrier, path) ?? '404 page not found\n'), afterUs: 0, stableUntilUs: sim.now }
      },
      *run() {
        return ok()
      },
    }
    return new CommandRegistry(`container ${this.name}`).register(curl)
  }
}
