import type { RunbookSource, StepEntry, StepSource } from './schema.ts'

/**
 * Runbooks written in TypeScript: the same keys, checked by the compiler of the language first and by the schema when compiled.
 * `compileRunbook(runbook({...}))` gives the plan that the same text in YAML gives.
 */
type Rest<K extends keyof StepSource> = Omit<StepSource, K>

/** A whole runbook. `format: 1` may be left out. */
export function runbook(source: Omit<RunbookSource, 'format'> & { readonly format?: 1 }): RunbookSource {
  return { ...source, format: 1 }
}

/** Any step, as it would stand in YAML. */
export function step(source: StepSource): StepSource {
  return source
}

/** Run a command line, or several one after the other. */
export function run(line: string | string[], rest: Rest<'run'> = {}): StepSource {
  return { ...rest, run: line }
}

/** Start command lines together and wait for all. */
export function parallel(lines: string[], rest: Rest<'parallel'> = {}): StepSource {
  return { ...rest, parallel: lines }
}

/** Poll a command line until `expect` holds. */
export function gate(line: string, rest: Rest<'gate'> = {}): StepSource {
  return { ...rest, gate: line }
}

/** Wait: `30s`, `5m`. */
export function sleep(duration: string, rest: Rest<'sleep'> = {}): StepSource {
  return { ...rest, sleep: duration }
}

/** Fail on purpose, with a reason: what happens then is for `otherwise`. */
export function fail(reason: string, rest: Rest<'fail'> = {}): StepSource {
  return { ...rest, fail: reason }
}

/** Choose a candidate from the lines of an output. */
export function pick(choice: NonNullable<StepSource['pick']>, rest: Rest<'pick'> = {}): StepSource {
  return { ...rest, pick: choice }
}

/** Do steps for each item. */
export function forEach(loop: NonNullable<StepSource['forEach']>, rest: Rest<'forEach'> = {}): StepSource {
  return { ...rest, forEach: loop }
}

/** Steps that belong together: one undo, one `otherwise`, one `when`. */
export function group(steps: StepEntry[], rest: Rest<'steps'> = {}): StepSource {
  return { ...rest, steps }
}
