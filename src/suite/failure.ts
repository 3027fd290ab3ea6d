/** A violated demand, told: the smallest form of the failure as a story, and a file that plays it again. */
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { COUNTEREXAMPLE_FORMAT, type CounterexampleFile, realRehearser, type Rehearser, signatureKey, version } from '../campaign/index.ts'
import { testRoot } from '../campaign/counterexample.ts'
import { shrinkSchedule } from '../campaign/shrink.ts'
import { isOwnKind } from '../faults/index.ts'
import type { Schedule } from '../faults/schedule.ts'
import { folderOf, outlineOf, PLAIN, renderStory, toJson, writeWhole } from '../report/index.ts'
import type { RehearsalResult, Signature, Verdict } from '../result.ts'
import type { Scenario, ScenarioSource } from '../scenario/index.ts'
import type { Demand } from './demands.ts'
import { judged, type Rehearsal } from './rehearsal.ts'
import { isDrawn } from './schedules.ts'

/** A failing verdict: it has a signature. */
type Failing = Verdict & { readonly signature: Signature }

/**
 * The message of a violated demand. A schedule that fast-check drew stays as it is, because fast-check makes it smaller; any other is shrunk here,
 * as a campaign does.
 * @param test the name of the test, for the file's name: one file a test, however often fast-check fails on its way down
 */
export function tellFailure(rehearsed: Rehearsal, demand: Demand, test: string | undefined): string {
  const scenario = demand.scenario(rehearsed.scenario)
  const rehearser = rehearserFor(demand)
  const { seed } = rehearsed
  const first = failing(demand, rehearser.rehearse({ scenario, seed, schedule: rehearsed.schedule }))
  const schedule = isDrawn(rehearsed.schedule) ? rehearsed.schedule : shrinkSchedule({ scenario, rehearser, seed, schedule: rehearsed.schedule, key: signatureKey(first.signature), step: first.signature.step }).form.schedule
  const recorded = rehearser.rehearse({ scenario, seed, schedule, record: true })
  const { evidence, because = [], signature } = failing(demand, recorded)
  const { file, replay } = keep(rehearsed, scenario, test, { signature, schedule, recorded, evidence, because })
  const root = testRoot(scenario, rehearser, recorded, seed, signature)
  const counterexample = { ...signature, evidence, because, schedule, faultsFound: rehearsed.schedule.length, seed, replay, root, file }
  return [`${rehearsed.scenario.name}: the rehearsal was to ${demand.words}, and did not`, '', ...renderStory({ scenario: scenario.name, outline: outlineOf(scenario.runbook), counterexample, rehearsal: recorded }, PLAIN)].join('\n')
}

/** Rehearsals whose verdicts show what the demand calls a violation, whoever's check it is. */
function rehearserFor(demand: Demand): Rehearser {
  return {
    ...realRehearser,
    rehearse(what) {
      const result = judged(what.scenario, realRehearser.rehearse(what))
      const verdict = demand.violated(result)
      return verdict === undefined || result.verdicts.includes(verdict) ? result : { ...result, verdicts: [...result.verdicts, verdict] }
    },
  }
}

function failing(demand: Demand, result: RehearsalResult): Failing {
  const verdict = demand.violated(result)
  if (verdict?.signature === undefined) throw new Error('rehearsal: a failure was gone when it was rehearsed again; a check of your own must be a function of the result alone')
  return verdict as Failing
}

interface Found {
  readonly signature: Signature
  readonly schedule: Schedule
  readonly recorded: RehearsalResult
  readonly evidence: string
  readonly because: NonNullable<Verdict['because']>
}

/** Writes the failure's file; says where, and how to see it again. */
function keep({ folder, seed, scenario: asGiven }: Rehearsal, scenario: Scenario, test: string | undefined, { signature, schedule, recorded, evidence, because }: Found): { readonly file: string | null; readonly replay: string } {
  if (folder === null) return { file: null, replay: `rehearsal(scenario, ${JSON.stringify({ seed, schedule })})` }
  const name = slug(test ?? signatureKey(signature))
  const file = join(folder, folderOf(asGiven.name), `${name}.json`)
  const found: CounterexampleFile = {
    format: COUNTEREXAMPLE_FORMAT,
    kind: 'proofroll counterexample',
    proofroll: version,
    scenario: asGiven.name,
    signature,
    seed,
    schedule,
    expected: { hash: recorded.hash, outcome: recorded.outcome, evidence, because },
    foundBy: { suite: test ?? '' },
    source: scenario === asGiven ? asGiven.source : withObjectives(scenario),
  }
  writeWhole(file, toJson(found))
  // Functions are not in the file: only the suite that has them can play it.
  const inSuite = signature.check.startsWith('x-') || schedule.some(({ kind }) => isOwnKind(kind))
  const command = `proofroll replay ${/\s/.test(file) ? JSON.stringify(file) : file}`
  return { file, replay: inSuite ? `in this suite: rehearsal(scenario, { replay: ${JSON.stringify(file)} })` : command }
}

/** The scenario's text with its objectives written out, the demanded one among them: so the file fails by itself. */
function withObjectives({ source, objectives }: Scenario): ScenarioSource {
  const document = parseDocument(source.yaml)
  const written = objectives.map(({ measure, at, max, min, faults }) => ({ measure, at, ...(max === undefined ? {} : { max }), ...(min === undefined ? {} : { min }), faults }))
  document.set('objectives', document.createNode(written, { flow: true }))
  return { ...source, yaml: document.toString({ lineWidth: 0 }) }
}

function slug(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '').slice(0, 80) || 'failure'
}

