import type { FaultKind } from '../engine.ts'
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

/** What the vocabulary says about a kind. @throws Error for a word that is not in it (a defect: schedules are validated when read) */
export function faultSpec(kind: FaultKind): FaultSpec {
  const spec = byKind.get(kind)
  if (spec === undefined) throw new Error(`faults: there is no kind \`${kind}\`; there are: ${FAULT_KINDS.join(', ')}`)
  return spec
}
