import type { Process } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { compile, ConnectionLost, EffectError, type EffectResult, type Perform, type QueryStatement, SqlError, type SqlHost, type Statement, type StatementResult } from '../sql/index.ts'
import { lostConnection, report } from './errors.ts'
import type { PsqlOptions } from './options.ts'
import { printRelation } from './print.ts'
import { type Piece, pieces } from './script.ts'
import { type PrintOptions, setPrintOption } from './settings.ts'

/** How a query ended: done, an error of the server, or the end of the connection. */
type Ending = 'ok' | 'error' | 'lost'

const META_COMMANDS = ['\\q', '\\x', '\\t', '\\a', '\\echo', '\\qecho', '\\warn', '\\pset', '\\set', '\\unset', '\\f', '\\timing off', '\\g', '\\gx', '\\;']

/** An SQL text of the command line that does nothing but read. */
export interface Reading {
  readonly sql: string
  readonly queries: readonly QueryStatement[]
}

/** One run of psql, from connected to its exit. */
export class Session {
  out = ''
  err = ''
  /** Whether anything printed may change with time alone. */
  moves = false
  private print: PrintOptions
  private variablesIfUsed: Map<string, string> | undefined
  private transaction: 'none' | 'open' | 'failed' = 'none'

  constructor(
    private readonly options: PsqlOptions,
    /** Read only where it is asked for: `psql -c` leaves it to whoever comes next. */
    private readonly stdin: () => string,
    /** What a file holds; undefined: there is none. */
    private readonly file: (path: string) => string | undefined,
    private readonly host: SqlHost,
    private readonly perform: Perform,
  ) {
    this.print = options.print
  }

  /** Runs everything the command line asks for; gives the exit status. */
  *run(): Process<number> {
    const { actions, singleTransaction } = this.options
    if (singleTransaction) yield* this.perform({ kind: 'transaction', verb: 'begin', implicit: false })
    if (singleTransaction) this.transaction = 'open'
    let code = 0
    if (actions.length === 0) code = yield* this.runScript(this.stdin(), '')
    for (const action of actions) {
      if (action.is === 'command') code = yield* this.runCommand(action.text)
      else if (action.name === '-') code = yield* this.runScript(this.stdin(), '<stdin>')
      else {
        // What a file holds hangs on nothing that the world tells of.
        this.moves = true
        const text = this.file(action.name)
        if (text !== undefined) code = yield* this.runScript(text, action.name)
        else {
          this.err += `${action.name}: No such file or directory\n`
          code = 1
        }
      }
      if (code === 2 || (code !== 0 && this.stopsOnError)) break
    }
    if (singleTransaction && code !== 2) {
      // An error before it makes COMMIT a rollback; with ON_ERROR_STOP psql does not get as far as COMMIT.
      const verb = this.failed || (code !== 0 && this.stopsOnError) ? 'rollback' : 'commit'
      yield* this.perform({ kind: 'transaction', verb, implicit: false })
    }
    return code
  }

  /**
   * What {@link run} comes to for texts that only read: no way of waiting is needed for them. Nothing of the connection can be lost by reading.
   * @param texts what the command line asks for, compiled
   */
  read(texts: readonly Reading[]): number {
    let code = 0
    for (const { sql, queries } of texts) {
      code = this.answer(sql, queries) ? 0 : 1
      if (code !== 0 && this.stopsOnError) break
    }
    return code
  }

  private answer(sql: string, queries: Reading['queries']): boolean {
    try {
      for (const query of queries) this.show(query)
      return true
    } catch (error) {
      if (!(error instanceof SqlError)) throw error
      this.err += report('ERROR', error, sql, '')
      return false
    }
  }

  /** Its own copy: what \set does to it ends with it. */
  private get variables(): Map<string, string> {
    return (this.variablesIfUsed ??= new Map(this.options.variables))
  }

  private get failed(): boolean {
    return this.transaction === 'failed'
  }

  private get stopsOnError(): boolean {
    return /^(on|true|yes|1)$/i.test(this.variables.get('ON_ERROR_STOP') ?? '')
  }

  /** `-c`: one backslash command, or all of the text as one query. */
  private *runCommand(text: string): Process<number> {
    if (text.trimStart().startsWith('\\')) {
      const [piece] = [...pieces(text.trim(), this.variables)]
      if (piece === undefined || piece.is !== 'meta') return 0
      return this.meta(piece, '') === 'error' ? 1 : 0
    }
    const ending = yield* this.query(text, '')
    return ending === 'ok' ? 0 : ending === 'lost' ? 2 : 1
  }

  /** Standard input or `-f -`: statement by statement, going on after an error unless ON_ERROR_STOP is set. */
  private *runScript(input: string, name: string): Process<number> {
    for (const piece of pieces(input, this.variables)) {
      const prefix = name === '' ? '' : `psql:${name}:${piece.line}: `
      if (piece.is === 'meta' && piece.name === 'q') return 0
      const ending = piece.is === 'meta' ? this.meta(piece, prefix) : yield* this.piece(piece, prefix)
      if (ending === 'lost') return 2
      if (ending === 'error' && this.stopsOnError) return 3
    }
    return 0
  }

  private *piece(piece: Extract<Piece, { is: 'sql' }>, prefix: string): Process<Ending> {
    const before = this.print
    if (piece.expanded) this.print = { ...before, expanded: true }
    const ending = yield* this.query(piece.text, prefix)
    this.print = before
    return ending
  }

  /** Sends a text to the server: its statements are one transaction unless they say otherwise. */
  private *query(sql: string, prefix: string): Process<Ending> {
    let implicit = false
    this.host.asked?.(sql)
    try {
      const statements = compile(sql)
      const several = statements.length > 1
      for (const statement of statements) {
        this.check(statement, several)
        // A query whose functions take their time holds its locks as long.
        if ((several || statement.reads !== undefined) && statement.kind === 'effect' && statement.transaction === undefined && this.transaction === 'none' && !implicit) {
          implicit = true
          yield* this.perform({ kind: 'transaction', verb: 'begin', implicit: true })
        }
        // BEGIN makes the bracket that nobody wrote a written one; COMMIT and ROLLBACK end it.
        if (statement.transaction !== undefined) implicit = false
        yield* this.statement(statement, sql, prefix)
      }
      if (implicit) yield* this.perform({ kind: 'transaction', verb: 'commit', implicit: true })
      return 'ok'
    } catch (error) {
      if (error instanceof ConnectionLost) {
        for (const notice of error.notices) this.err += report(notice.severity, notice, sql, prefix)
        this.err += lostConnection(error.fatal, prefix)
        return 'lost'
      }
      if (!(error instanceof SqlError)) throw error
      if (error instanceof EffectError) for (const notice of error.notices) this.err += report(notice.severity, notice, sql, prefix)
      this.err += report('ERROR', error, sql, prefix)
      if (implicit) yield* this.perform({ kind: 'transaction', verb: 'rollback', implicit: true })
      if (this.transaction === 'open') this.transaction = 'failed'
      return 'error'
    }
  }

  private check(statement: Statement, several: boolean): void {
    if (this.failed && statement.transaction === undefined) {
      throw new SqlError('current transaction is aborted, commands ignored until end of transaction block', { state: '25P02' })
    }
    const { forbiddenInTransaction: what } = statement
    if (what !== undefined && (several || this.transaction !== 'none')) throw new SqlError(`${what} cannot run inside a transaction block`, { state: '25001' })
    const { needsTransaction: which } = statement
    if (which !== undefined && !several && this.transaction === 'none') throw new SqlError(`${which} can only be used in transaction blocks`, { state: '25P01' })
  }

  private *statement(statement: Statement, sql: string, prefix: string): Process {
    if (statement.reads !== undefined && (statement.kind === 'effect' || this.transaction === 'open' || statement.reads.some(table => this.host.readerWaits?.(table)))) yield* this.reads(statement.reads)
    if (statement.kind === 'query') return this.show(statement)
    const result = yield* this.effect(statement, sql, prefix)
    if (result.relation !== undefined) this.out += printRelation(result.relation, this.print)
    if (!this.options.quiet && !result.tag.startsWith('SELECT')) this.out += `${result.tag}\n`
  }

  /** Locks what a query reads. @throws EffectError when it waits too long, ConnectionLost */
  private *reads(tables: readonly string[]): Process {
    const result = yield* this.perform({ kind: 'readTables', tables })
    if (result.is === 'lost') throw new ConnectionLost(result.fatal, result.notices ?? [])
    if (result.is === 'error') throw new EffectError(result)
  }

  private show(query: QueryStatement): void {
    const answer = query.evaluate(this.host)
    if (answer.movesByItself) this.moves = true
    this.out += printRelation(answer, this.print)
  }

  private *effect(statement: Extract<Statement, { kind: 'effect' }>, sql: string, prefix: string): Process<StatementResult> {
    const { transaction } = statement
    if (transaction !== undefined) return yield* this.bracket(statement, transaction, sql, prefix)
    const result = yield* statement.execute(this.host, this.perform)
    for (const notice of result.notices) this.err += report(notice.severity, notice, sql, prefix)
    return result
  }

  /** BEGIN, COMMIT and ROLLBACK: COMMIT after an error rolls back; out of place they warn. */
  private *bracket(statement: Extract<Statement, { kind: 'effect' }>, verb: 'begin' | 'commit' | 'rollback', sql: string, prefix: string): Process<StatementResult> {
    const open = this.transaction !== 'none'
    if (open === (verb === 'begin')) {
      const message = open ? 'there is already a transaction in progress' : 'there is no transaction in progress'
      this.err += report('WARNING', { message }, sql, prefix)
    }
    if (verb === 'commit' && this.failed) {
      this.transaction = 'none'
      const result: EffectResult = yield* this.perform({ kind: 'transaction', verb: 'rollback', implicit: false })
      if (result.is === 'lost') throw new ConnectionLost(result.fatal, result.notices ?? [])
      return { tag: 'ROLLBACK', relation: undefined, notices: [] }
    }
    if (verb !== 'begin') this.transaction = 'none'
    const result = yield* statement.execute(this.host, this.perform)
    // A BEGIN that fails opens nothing.
    if (verb === 'begin' && !this.failed) this.transaction = 'open'
    return result
  }

  /** A backslash command. @throws UnsupportedError for one that psql has and the model has not */
  private meta({ name, args }: Extract<Piece, { is: 'meta' }>, prefix: string): Ending {
    const [first, ...rest] = args
    switch (name) {
      case 'q': return 'ok'
      case 'x': case 't': case 'pset': case 'f': case 'a': return this.setPrint(name, first, rest.join(' '), prefix)
      case 'echo': case 'qecho': this.out += first === '-n' ? rest.join(' ') : `${args.join(' ')}\n`; return 'ok'
      case 'warn': this.err += `${args.join(' ')}\n`; return 'ok'
      case 'set': if (first !== undefined) this.variables.set(first, rest.join('')); return 'ok'
      case 'unset': this.variables.delete(first ?? ''); return 'ok'
      case 'timing': if (first === 'off') return 'ok'; break
      default:
    }
    // The names psql has: any other is psql's own error.
    const known = /^(d\w*\+?|l\+?|c|connect|conninfo|watch|gset|gexec|gdesc|copy|i|ir|include|if|elif|else|endif|o|out|p|print|r|reset|s|sf|sv|timing|w|write|z|e|edit|ef|ev|errverbose|h|help|password|prompt|setenv|getenv|encoding|cd|copyright|C|H|T|!|\?|bind|crosstabview|lo_\w+|dconfig)$/
    if (known.test(name)) throw new UnsupportedError(`psql's \\${name} is not modelled`, META_COMMANDS)
    this.err += `${prefix}${prefix === '' ? '' : 'error: '}invalid command \\${name}\n`
    return 'error'
  }

  private setPrint(name: string, first: string | undefined, second: string, prefix: string): Ending {
    const [option, value] = name === 'x' ? ['expanded', first] : name === 't' ? ['tuples_only', first] : name === 'f' ? ['fieldsep', first]
      : name === 'a' ? ['format', this.print.format === 'unaligned' ? 'aligned' : 'unaligned'] : [first ?? '', second === '' ? undefined : second]
    const changed = setPrintOption(this.print, option as string, value)
    if (typeof changed === 'string') {
      this.err += `${prefix}${changed}\n`
      return 'error'
    }
    this.print = changed
    if (!this.options.quiet) this.out += announcement(option as string, changed)
    return 'ok'
  }
}

const onOff = (value: boolean | undefined): string => (value === true ? 'on' : 'off')

/** What psql says after a print option was changed. */
function announcement(option: string, print: PrintOptions): string {
  switch (option) {
    case 'expanded': case 'x': case 'vertical': return `Expanded display is ${onOff(print.expanded)}.\n`
    case 'tuples_only': case 't': return `Tuples only is ${onOff(print.tuplesOnly)}.\n`
    case 'format': return `Output format is ${print.format ?? 'aligned'}.\n`
    case 'fieldsep': return `Field separator is "${print.fieldSeparator ?? '|'}".\n`
    case 'border': return `Border style is ${print.border ?? 1}.\n`
    case 'null': return `Null display is "${print.nullText ?? ''}".\n`
    case 'footer': return `Default footer is ${onOff(print.footer !== false)}.\n`
    case 'pager': return 'Pager usage is off.\n'
    default: throw new UnsupportedError(`\\pset ${option} is not modelled`, ['expanded', 'tuples_only', 'format', 'fieldsep', 'border', 'null', 'footer', 'pager'])
  }
}
