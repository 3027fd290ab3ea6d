/** Changes of a runbook that many defects are made of. */
import type { Change, Runbook, Step } from '../variant.ts'

type StepChange = NonNullable<Change['step']>[string]

/** Gives keys of a step other values; `undefined` takes one out. */
export const keys =
  (values: Readonly<Record<string, unknown>>): StepChange =>
  step => {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined) delete step[key]
      else step[key] = value
    }
  }

/** The step has no way back. */
export const noUndo: StepChange = keys({ undo: undefined })

/** Takes steps out of what the runbook does after the steps' own undo. @throws Error when one is not there */
export function withoutUndoSteps(...ids: string[]): (runbook: Runbook) => void {
  return runbook => {
    const undo = runbook['undo'] as Step[]
    const kept = undo.filter(({ id = '' }) => !ids.includes(id))
    if (kept.length !== undo.length - ids.length) throw new Error(`the undo of the runbook has not all of ${ids.join(', ')}`)
    runbook['undo'] = kept
  }
}

/** Of several commands only these, by number from 0. */
export const onlyCommands =
  (...kept: number[]): StepChange =>
  step => {
    step['run'] = kept.map(i => (step['run'] as string[])[i])
  }

/** Replaces in a step's own command or gate. @throws Error when the text is not there */
export const inCommand =
  (from: string, to: string): StepChange =>
  step => {
    const key = 'gate' in step ? 'gate' : 'run'
    const before = JSON.stringify(step[key])
    const after = before.replaceAll(JSON.stringify(from).slice(1, -1), JSON.stringify(to).slice(1, -1))
    if (after === before) throw new Error(`step ${step.id} has no ${from}`)
    step[key] = JSON.parse(after)
  }

/** Takes a step from where it stands and puts it before (or after) another one. @throws Error when one of the two is not there */
export function moved(id: string, where: { before: string } | { after: string }): (runbook: Runbook) => void {
  return ({ steps }) => {
    const from = listWith(steps, id)
    const step = from?.[0][from[1]]
    if (from === undefined || step === undefined) throw new Error(`there is no step ${id}`)
    from[0].splice(from[1], 1)
    const to = listWith(steps, 'before' in where ? where.before : where.after)
    if (to === undefined) throw new Error(`there is no step ${JSON.stringify(where)}`)
    to[0].splice('before' in where ? to[1] : to[1] + 1, 0, step)
  }
}

/** The list that holds a step, and its place in it. */
function listWith(steps: Step[], id: string): readonly [Step[], number] | undefined {
  const place = steps.findIndex(step => step.id === id)
  if (place >= 0) return [steps, place]
  for (const step of steps) {
    const found = listWith(step.steps ?? step.forEach?.steps ?? [], id)
    if (found !== undefined) return found
  }
  return undefined
}
