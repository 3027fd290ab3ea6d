/** Built-in scenarios with something changed, rehearsed once, and what to read off a result. Any engine. */
import { parse, stringify } from 'yaml'
import { engines } from '../models/index.ts'
import type { Schedule } from '../src/faults/index.ts'
import type { Us } from '../src/kernel/index.ts'
import { rehearse } from '../src/rehearsal.ts'
import type { CheckId, RehearsalResult, Verdict } from '../src/result.ts'
import { loadScenario, loadScenarioFrom, type Scenario } from '../src/scenario/index.ts'

export interface Step {
  id?: string
  steps?: Step[]
  forEach?: { steps: Step[] }
  [key: string]: unknown
}

export interface Runbook {
  steps: Step[]
  [key: string]: unknown
}

export interface Change {
  readonly set?: Readonly<Record<string, string>>
  /** Ids of steps to leave out. */
  readonly without?: readonly string[]
  /** Changes a step in place, by id. */
  readonly step?: Readonly<Record<string, (step: Step) => void>>
  /** Changes the runbook's own keys. */
  readonly runbook?: (runbook: Runbook) => void
  /** Replaces in the texts of the runbooks (steps and shell scripts), wherever it stands. */
  readonly replace?: readonly (readonly [string, string])[]
}

/** A built-in scenario with something changed. @throws Error when a step or a text that is to be changed is not there */
export function variant(name: string, change: Change = {}): Scenario {
  return loadScenarioFrom(changed(name, change), engines, { set: change.set ?? {} })
}

/** The files of a built-in scenario with something changed, not yet loaded. @throws Error when a step or a text that is to be changed is not there */
export function changed(name: string, change: Change): Scenario['source'] {
  const { source } = original(name)
  const pending = new Set([...(change.without ?? []), ...Object.keys(change.step ?? {})])
  const replacements = change.replace ?? []
  const elsewhere = filesElsewhere(source.yaml, change.set?.['cluster.engine'])
  const missing = new Set(replacements.map(([from]) => from))
  const files = Object.fromEntries(
    Object.entries(source.files).map(([path, text]) => {
      if (/(?:^|\/)_/.test(path) || elsewhere.includes(path) || !/\.(?:runbook\.yaml|sh)$/.test(path)) return [path, text]
      const replaced = replacements.reduce((all, [from, to]) => {
        if (all.includes(from)) missing.delete(from)
        return all.replaceAll(from, to)
      }, text)
      if (path.endsWith('.sh')) return [path, replaced]
      const runbook = parse(replaced) as Runbook
      edit(runbook.steps, change, pending)
      change.runbook?.(runbook)
      return [path, stringify(runbook)]
    }),
  )
  if (pending.size > 0) throw new Error(`${name} has no step ${[...pending].join(', ')}`)
  if (missing.size > 0) throw new Error(`the runbook of ${name} has no text ${[...missing].map(text => JSON.stringify(text)).join(', ')}`)
  return { ...source, files }
}

/** Runbooks of engines that are not rehearsed here (`onEngine:`): they have other steps. */
function filesElsewhere(yaml: string, chosen: string | undefined): readonly string[] {
  const { runbook, onEngine = {} } = parse(yaml) as { runbook?: unknown; onEngine?: Record<string, { runbook?: unknown }> }
  const there = Object.entries(onEngine).filter(([engine]) => engine !== chosen).map(([, section]) => section.runbook)
  const all = [...there, ...(chosen !== undefined && chosen in onEngine ? [runbook] : [])].flat()
  return all.filter((name): name is string => typeof name === 'string').map(name => name.replace(/^\.\//, ''))
}

const originals = new Map<string, Scenario>()

function original(name: string): Scenario {
  const scenario = originals.get(name) ?? loadScenario(name, engines)
  originals.set(name, scenario)
  return scenario
}

function edit(steps: Step[], change: Change, pending: Set<string>): void {
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i] as Step
    const id = step.id ?? ''
    if (change.without?.includes(id)) {
      pending.delete(id)
      steps.splice(i, 1)
      continue
    }
    const act = change.step?.[id]
    if (act !== undefined) {
      pending.delete(id)
      act(step)
    }
    if (step.steps !== undefined) edit(step.steps, change, pending)
    if (step.forEach !== undefined) edit(step.forEach.steps, change, pending)
    if (Array.isArray(step['undo'])) edit(step['undo'] as Step[], change, pending)
  }
}

/** One recorded rehearsal. */
export function play(scenario: Scenario, seed = '1/0', schedule: Schedule = []): RehearsalResult {
  return rehearse({ scenario, schedule, seed, record: true })
}

export function verdict(result: RehearsalResult, check: CheckId): Verdict {
  const found = result.verdicts.find(v => v.check === check)
  if (found === undefined) throw new Error(`no verdict of ${check}`)
  return found
}

/** The whole because-chain as one text. */
export function why(result: RehearsalResult, check: CheckId): string {
  return (verdict(result, check).because ?? []).map(clause => clause.text).join('; ')
}

/** The command of a step as the operator saw it: the `nth` of them (from 0). */
export function command(result: RehearsalResult, step: string, nth = 0): { readonly code: number | undefined; readonly out: string; readonly err: string; readonly atUs: Us } {
  const found = result.story?.commands.filter(c => c.step === step)[nth]
  if (found === undefined) throw new Error(`step ${step} has issued no command ${nth}`)
  return found
}

export function gate(result: RehearsalResult, step: string): RehearsalResult['gates'][number] {
  const found = result.gates.find(g => g.step === step)
  if (found === undefined) throw new Error(`no gate ${step}`)
  return found
}
