import type { Process } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { compile, ConnectionLost, type Described, EffectError, type Effect, type EffectResult, type Perform, print as printValue, type QueryStatement, type Relation, SqlError, type SqlHost, type Statement, type StatementResult } from '../sql/index.ts'
import { lostConnection, report } from './errors.ts'
import type { PsqlOptions, Target } from './options.ts'
import { printRelation } from './print.ts'
import { type Piece, pieces } from './script.ts'
import { type PrintOptions, refuseVariable, setPrintOption } from './settings.ts'
import { announcement, type Branch, isCondition, timing } from './told.ts'

/** How a query ended: done, an error of the server, or the end of the connection. */
type Ending = 'ok' | 'error' | 'lost'

const META_COMMANDS = ['\\if', '\\gset', '\\gexec', '\\i', '\\connect DBNAME', '\\conninfo', '\\timing', '\\d', '\\dt', '\\di', '\\dn', '\\du', '\\dx', '\\l', '\\q', '\\x', '\\t', '\\a', '\\echo', '\\qecho', '\\warn', '\\pset', '\\set', '\\unset', '\\f', '\\g', '\\gx', '\\;']

/** An SQL text of the command line that does nothing but read. */
export interface Reading {
  readonly sql: string
  readonly queries: readonly QueryStatement[]
}

/** A connection, and how to make another. */
export interface Line {
  target: Target
  open(target: Target): { readonly is: 'ok'; readonly host: SqlHost; run(effect: Effect): Process<EffectResult> } | { readonly is: 'error'; readonly stderr: string }
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
    private host: SqlHost,
    private perform: Perform,
    /** Where it is connected, and how it connects anew (`\connect`). */
    private readonly line?: Line,
  ) {
    this.print = options.print
  }

  /** `\timing`. */
  private timed = false
  /** Takes the rows of a query instead of the output. */
  private taken: Relation | undefined

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
      const ending = yield* this.meta(piece, '')
      return ending === 'error' ? 1 : ending === 'lost' ? 2 : 0
    }
    const ending = yield* this.query(text, '')
    return ending === 'ok' ? 0 : ending === 'lost' ? 2 : 1
  }

  /** Standard input or `-f -`: statement by statement, going on after an error unless ON_ERROR_STOP is set. */
  private *runScript(input: string, name: string): Process<number> {
    const branches: Branch[] = []
    let line = 1
    for (const piece of pieces(input, this.variables)) {
      const prefix = name === '' ? '' : `psql:${name}:${piece.line}: `
      if (piece.is === 'meta' && (piece.name === 'q' || piece.name === 'quit') && branches.every(({ active }) => active)) return 0
      const ending = piece.is === 'meta' && isCondition(piece.name) ? this.condition(piece, branches, prefix) : !branches.every(({ active }) => active) ? 'ok' : piece.is === 'meta' ? yield* this.meta(piece, prefix) : yield* this.piece(piece, prefix)
      if (ending === 'lost') return 2
      if (ending === 'error' && this.stopsOnError) return 3
      line = piece.line
    }
    if (branches.length === 0) return 0
    this.err += `${name === '' ? '' : `psql:${name}:${line}: error: `}reached EOF without finding closing \\endif(s)\n`
    return this.stopsOnError ? 3 : 0
  }

  private *piece(piece: Extract<Piece, { is: 'sql' }>, prefix: string): Process<Ending> {
    const before = this.print
    if (piece.expanded) this.print = { ...before, expanded: true }
    const fromUs = this.host.nowUs()
    const ending = piece.into === undefined ? yield* this.query(piece.text, prefix) : yield* this.into(piece, prefix)
    this.print = before
    if (this.timed && ending !== 'lost') this.out += timing(this.host.nowUs() - fromUs)
    return ending
  }

  /** `\\gset` puts its one row into variables, NULL takes one away; `\\gexec` runs each cell. */
  private *into({ text, into, prefix: names = '' }: Extract<Piece, { is: 'sql' }>, prefix: string): Process<Ending> {
    const rows: Relation = { columns: [], rows: [] }
    this.taken = rows
    const ending = yield* this.query(text, prefix)
    const { columns, rows: found } = this.taken ?? rows
    this.taken = undefined
    if (ending !== 'ok') return ending
    const wrong = (why: string): Ending => {
      this.err += `${prefix}${prefix === '' ? '' : 'error: '}${why}\n`
      return 'error'
    }
    const cell = (row: Relation['rows'][number], i: number): string | undefined => {
      const [value, column] = [row[i], columns[i]]
      return value === null || value === undefined || column === undefined ? undefined : printValue(value, column.type)
    }
    if (into === 'variables') {
      const [row, more] = found
      if (row === undefined || more !== undefined) return wrong(row === undefined ? 'no rows returned for \\gset' : 'more than one row returned for \\gset')
      for (const [i, { name }] of columns.entries()) {
        const value = cell(row, i)
        if (value === undefined) this.variables.delete(names + name)
        else this.variables.set(names + name, value)
      }
      return 'ok'
    }
    for (const row of found) {
      for (let i = 0; i < columns.length; i++) {
        const statement = cell(row, i)
        const each = statement === undefined ? 'ok' : yield* this.query(statement, prefix)
        if (each === 'lost' || (each === 'error' && this.stopsOnError)) return each
      }
    }
    return 'ok'
  }

  /** `\\if`, `\\elif`, `\\else`, `\\endif`: what is in a branch that is not taken is passed over. */
  private condition({ name, args }: Extract<Piece, { is: 'meta' }>, branches: Branch[], prefix: string): Ending {
    const wrong = (why: string): Ending => {
      this.err += `${prefix}${prefix === '' ? '' : 'error: '}${why}\n`
      return 'error'
    }
    const holds = (): boolean => {
      const text = args.join(' ')
      if (/^(?:t(?:r(?:u(?:e)?)?)?|y(?:e(?:s)?)?|on|1)$/i.test(text)) return true
      if (!/^(?:f(?:a(?:l(?:s(?:e)?)?)?)?|no?|of(?:f)?|0)$/i.test(text)) wrong(`unrecognized value "${text}" for "\\${name} expression": Boolean expected`)
      return false
    }
    const outside = (from = 1): boolean => branches.slice(0, branches.length - from).every(({ active }) => active)
    const top = branches.at(-1)
    if (name === 'if') {
      const active = outside(0) && holds()
      branches.push({ active, over: active || !outside(0), last: false })
      return 'ok'
    }
    if (top === undefined) return wrong(`\\${name}: no matching \\if`)
    if (name === 'endif') branches.pop()
    else if (top.last) return wrong(`\\${name}: cannot occur after \\else`)
    else {
      top.last = name === 'else'
      top.active = !top.over && outside() && (name === 'else' || holds())
      top.over ||= top.active
    }
    return 'ok'
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
    if (result.relation !== undefined) this.put(result.relation)
    if (!this.options.quiet && this.taken === undefined && !result.tag.startsWith('SELECT')) this.out += `${result.tag}\n`
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
    if (query.tag === 'COPY') this.out += answer.rows.map(([line]) => `${String(line)}\n`).join('')
    else this.put(answer)
  }

  private put(relation: Relation): void {
    if (this.taken !== undefined) this.taken = relation
    else this.out += printRelation(relation, this.print)
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
  private *meta({ name, args }: Extract<Piece, { is: 'meta' }>, prefix: string): Process<Ending> {
    const [first, ...rest] = args
    switch (name) {
      case 'q': case 'quit': return 'ok'
      case 'x': case 't': case 'pset': case 'f': case 'a': return this.setPrint(name, first, rest.join(' '), prefix)
      case 'echo': case 'qecho': this.out += first === '-n' ? rest.join(' ') : `${args.join(' ')}\n`; return 'ok'
      case 'warn': this.err += `${args.join(' ')}\n`; return 'ok'
      case 'set':
        if (first !== undefined) {
          refuseVariable(first, rest.join(''))
          this.variables.set(first, rest.join(''))
        }
        return 'ok'
      case 'unset': this.variables.delete(first ?? ''); return 'ok'
      case 'timing': {
        this.moves = true
        this.timed = first === undefined ? !this.timed : /^(?:on|true|yes|1)$/i.test(first)
        if (!this.options.quiet) this.out += `Timing is ${this.timed ? 'on' : 'off'}.\n`
        return 'ok'
      }
      case 'i': case 'include': case 'ir': case 'include_relative': {
        this.moves = true
        const text = first === undefined ? undefined : this.file(first)
        if (text === undefined) {
          this.err += `${prefix}${prefix === '' ? '' : 'error: '}${first === undefined ? `\\${name}: missing required argument` : `${first}: No such file or directory`}\n`
          return 'error'
        }
        const code = yield* this.runScript(text, first as string)
        return code === 2 ? 'lost' : code === 0 ? 'ok' : 'error'
      }
      case 'conninfo': if (this.line !== undefined) return this.tellConnection(this.line); break
      case 'c': case 'connect': if (this.line !== undefined) return this.connect(args, this.line); break
      default: {
        const described = this.host.describe?.(name, first)
        if (described !== undefined) return this.describe(described)
      }
    }
    // The names psql has: any other is psql's own error.
    const known = /^(d\w*\+?|l\+?|c|connect|conninfo|watch|gset|gexec|gdesc|copy|i|ir|include|if|elif|else|endif|o|out|p|print|r|reset|s|sf|sv|timing|w|write|z|e|edit|ef|ev|errverbose|h|help|password|prompt|setenv|getenv|encoding|cd|copyright|C|H|T|!|\?|bind|crosstabview|lo_\w+|dconfig)$/
    if (known.test(name)) throw new UnsupportedError(`psql's \\${name} is not modelled`, META_COMMANDS)
    this.err += `${prefix}${prefix === '' ? '' : 'error: '}invalid command \\${name}\n`
    return 'error'
  }

  /** `\\d` and its like: a table, or word that there is none. */
  private describe(described: Described): Ending {
    if (described.movesByItself) this.moves = true
    if ('none' in described) {
      if (!this.options.quiet) this.err += `${described.none}\n`
      return 'ok'
    }
    const { title, counted, footers = [], relation } = described
    const shown = printRelation(relation, { ...this.print, title, footer: counted && this.print.footer !== false })
    const plain = footers.length === 0 || this.print.tuplesOnly === true
    this.out += plain ? shown : `${shown.replace(/\n$/, '')}${footers.map(line => `${line}\n`).join('')}\n`
    return 'ok'
  }

  private tellConnection({ target }: Line): Ending {
    const { host, port = '5432', dbname, user } = target
    const address = this.host.call('inet_server_addr', [])?.value
    const where = host === undefined || host.startsWith('/') ? ` via socket in "${host ?? '/var/run/postgresql'}"` : ` on host "${host}"${address === null || address === undefined || address === host ? '' : ` (address "${String(address)}")`}`
    this.out += `You are connected to database "${dbname ?? ''}" as user "${user ?? ''}"${where} at port "${port}".\n`
    return 'ok'
  }

  /** `\\connect [DBNAME [USER]]`, `-` for what stays; a script ends where it fails. */
  private connect(args: readonly string[], line: Line): Ending {
    const [dbname, user, ...more] = args
    if (more.length > 0 || dbname?.includes('=') === true || dbname?.includes('://') === true) throw new UnsupportedError('psql\'s \\connect with a host is not modelled', ['\\connect DBNAME', '\\connect DBNAME USER'])
    line.target = { ...line.target, ...(dbname === undefined || dbname === '-' ? {} : { dbname }), ...(user === undefined || user === '-' ? {} : { user }) }
    const connection = line.open(line.target)
    if (connection.is === 'error') {
      this.err += `\\connect: ${connection.stderr.replace(/^psql: error: /, '')}`
      return 'lost'
    }
    this.host = connection.host
    this.perform = effect => connection.run(effect)
    this.transaction = 'none'
    if (!this.options.quiet) this.out += `You are now connected to database "${line.target.dbname ?? ''}" as user "${line.target.user ?? ''}".\n`
    return 'ok'
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
