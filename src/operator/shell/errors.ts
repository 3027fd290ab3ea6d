/** An expansion that fails: the command is not run; `fatal` ends the shell. */
export class ExpansionError extends Error {
  constructor(
    readonly what: string,
    readonly fatal: boolean,
  ) {
    super(what)
    this.name = 'ExpansionError'
  }
}

/** The rehearsal cannot go on: an endless loop, endless output, a fork bomb. */
export class StuckError extends Error {
  constructor(
    readonly line: number,
    readonly why: string,
  ) {
    super(line > 0 ? `line ${line}: ${why}` : why)
    this.name = 'StuckError'
  }
}
