import { hashText } from './hash.ts'
import type { Us } from './time.ts'

/** A sort of event that can appear in a trace. Its number comes from its label, so it is the same in every process. */
export interface EventKind {
  readonly label: string
  readonly number: number
  /** It begins (with a payload other than 0) to hold clients up on purpose, wherever they are. */
  readonly holdsClients?: true
  /** Somebody does not go on with the node, and the detail says what is waited for. Told ({@link Simulation.tell}) whenever that is another thing than before. */
  readonly waits?: true
}

/** Declares a sort of event, named `model.what-happened`. */
export function defineEvent(label: string, marks: Pick<EventKind, 'holdsClients' | 'waits'> = {}): EventKind {
  return { label, number: hashText(label).low & 0x7fffffff, ...marks }
}

/** One line of a recorded trace. `detail` is for people and never hashed. */
export interface TraceRecord {
  readonly atUs: Us
  readonly label: string
  readonly node: string
  readonly payload: number
  readonly detail: string
  /** Clients are held up from here on, as far as they come this way. */
  readonly holdsClients?: true
  /** The node is not gone on with, for what the detail says. */
  readonly waits?: true
}
