import type { FaultKind, OwnKind } from '../engine.ts'
import { controlPlaneFaults } from './control-plane.ts'
import { databaseFaults } from './database.ts'
import { diskFaults } from './disk.ts'
import type { FaultSpec } from './family.ts'
import { machineFaults } from './machine.ts'
import { networkFaults } from './network.ts'
import { operatorFaults } from './operator.ts'
import { processFaults } from './process.ts'
import { upgradeFaults } from './upgrade.ts'

/** Every kind of fault there is, in a fixed order: draws depend on it, so a new kind goes to the end of its family's file. */
export const VOCABULARY: readonly FaultSpec[] = [...processFaults, ...machineFaults, ...networkFaults, ...diskFaults, ...databaseFaults, ...controlPlaneFaults, ...operatorFaults, ...upgradeFaults]

export const FAULT_KINDS: readonly FaultKind[] = VOCABULARY.map(spec => spec.kind)

/** Those that may strike where a scenario names no kinds. */
export const USUAL_KINDS: readonly FaultKind[] = VOCABULARY.filter(spec => spec.onlyWhenNamed === undefined).map(spec => spec.kind)

const byKind = new Map(VOCABULARY.map(spec => [spec.kind, spec]))
const own = new Map<FaultKind, FaultSpec>()

/** Whether a word is the name of a kind that a test suite defines. */
export function isOwnKind(kind: string): kind is OwnKind {
  return kind.startsWith('x-')
}

/**
 * Makes a kind of a test suite's own known in this thread. Not part of {@link VOCABULARY}: files and options of the command line do not take it.
 * A second definition of a name replaces the first, as a module does that is loaded again.
 */
export function defineKind(spec: FaultSpec & { readonly kind: OwnKind }): void {
  if (!/^x-[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(spec.kind)) throw new Error(`faults: \`${spec.kind}\` cannot be the name of a fault of your own: it is \`x-\` and lower-case words, as in x-rack-loses-power`)
  own.set(spec.kind, spec)
}

/** Whether the vocabulary, or a definition made in this thread, has the kind. */
export function knowsKind(kind: FaultKind): boolean {
  return byKind.has(kind) || own.has(kind)
}

/** What is known about a kind. @throws Error for a word that nobody defined (a defect: schedules are validated when read) */
export function faultSpec(kind: FaultKind): FaultSpec {
  const spec = byKind.get(kind) ?? own.get(kind)
  if (spec === undefined) throw new Error(`faults: there is no kind \`${kind}\`${isOwnKind(kind) ? ' here: a test suite defines it, in another process or thread' : ''}; there are: ${[...FAULT_KINDS, ...own.keys()].join(', ')}`)
  return spec
}
