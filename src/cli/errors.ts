/** From what was thrown to what the user sees and the exit code. */
import { CommanderError } from 'commander'
import { MergeError, OverlapError, RehearsalError, WorkerDiedError, version } from '../campaign/index.ts'
import { fitted } from '../report/index.ts'
import { type Context, EXIT, type ExitCode, UsageError } from './context.ts'

/** Errors that say the input is wrong, by class name: across threads only the name survives. */
const INPUT_ERRORS = new Set(['ScenarioError', 'RunbookError', 'UnsupportedError', 'UsageError', 'MergeError', 'OverlapError', 'CompareError'])

/** Whether an error is the user's to mend. */
export function isInputError(error: unknown): boolean {
  if (error instanceof UsageError || error instanceof MergeError || error instanceof OverlapError) return true
  return error instanceof Error && (INPUT_ERRORS.has(error.name) || fileSystemError(error))
}

/** Prints an error and says with which code to exit. */
export function reportError(error: unknown, context: Context): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.held : EXIT.input
  const cause = error instanceof RehearsalError ? error.cause : error
  if (isInputError(cause)) {
    const where = error instanceof RehearsalError ? `run ${error.run}: ` : ''
    context.err(`${fitted(`${where}${(cause as Error).message.trimEnd()}`, context.screen.columns)}\n`)
    return EXIT.input
  }
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  if (error instanceof WorkerDiedError) {
    const { first, end } = error.range
    context.err(`proofroll ${version} has a defect, or the machine too little memory. Please report it with the command you typed:\n${error.message}\n(\`--first ${first} --runs ${end - first} --jobs 1\` meets it again)\n`)
    return EXIT.defect
  }
  const where = error instanceof RehearsalError ? ` in run ${error.run} (\`--first ${error.run} --runs 1 --jobs 1\` meets it again)` : ''
  context.err(`proofroll ${version} has a defect${where}. Please report it with the command you typed:\n${stack}\n`)
  return EXIT.defect
}

/** A file that is not there, or that may not be read or written. */
function fileSystemError(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' && ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EROFS', 'EPERM', 'ENOSPC', 'EEXIST'].includes(code)
}
