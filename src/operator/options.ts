import type { Us } from '../kernel/index.ts'
import type { CommandRegistry } from './command.ts'
import type { Journal } from './journal.ts'
import type { OperatorObserver, Outcome, Slips } from './observer.ts'

export interface OperatorOptions {
  readonly registry: CommandRegistry
  /** Values for the runbook's `vars`, over its defaults. */
  readonly vars?: Readonly<Record<string, string>>
  /** The instant at which an operator without an outcome is stuck. */
  readonly deadlineUs: Us
  /** Leave out polls that cannot tell anything new. The run is the same either way. */
  readonly elide: boolean
  readonly observer?: OperatorObserver
  readonly slips?: Slips
  /** Name of the machine the person sits at; enters the trace. Default: workstation. */
  readonly workstation?: string
  readonly user?: string
  readonly env?: Readonly<Record<string, string>>
  /** How often somebody runs a script that has failed again, from the top, after a look at what it printed. Steps know where they stopped: of them nobody does. Default: never. */
  readonly reruns?: number
  /** Shown everything the person types and reads. */
  readonly terminal?: (text: string) => void
}

export interface Executor {
  readonly journal: Journal
  readonly outcome: Outcome | undefined
  readonly reason: string
}

/** A person at work on a runbook. */
export interface OperatorRun extends Executor {
  /** Captured outputs and `vars`. */
  readonly vars: ReadonlyMap<string, string>
  readonly alive: boolean
  /** The person is gone, at whatever it was waiting for. */
  kill(): void
  /** Someone takes over from the journal. No effect on a run that is alive or has an outcome. */
  resume(): void
  /** The person decides, now and wherever it is, to roll back: as if the open step had failed with `otherwise: rollback`. False when it is not at work, or already on the way back. */
  turnBack(): boolean
  /** Moves the deadline (the last fault may end after the start). Only ever later. */
  extendDeadline(us: Us): void
}
