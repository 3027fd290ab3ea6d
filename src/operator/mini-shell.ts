import { parse } from 'unbash'
import type { AndOr, CommandNode, CompoundList, PipelineNode, Redirection, Script, Word } from 'unbash'
import type { Process } from '../kernel/index.ts'
import { type Call, type Command, type CommandRegistry, type Finding, type Output, UnsupportedError, failed, ok } from './command.ts'
import { filterOf, FILTER_NAMES } from './filters.ts'

/** The files a small shell script may touch: a container's model supplies them. Paths are as written. */
export interface Files {
  /** Undefined when there is no such file. */
  read(path: string): string | undefined
  /** Undefined on success, else the reason as the system gives it (`Permission denied`, `No space left on device`). */
  write(path: string, text: string): string | undefined
  remove(path: string): string | undefined
  /** `d` for a directory, `f` for a file, undefined for neither. */
  kind(path: string): 'f' | 'd' | undefined
}

const BUILTINS = ['echo', 'printf', 'cat', 'touch', 'rm', 'test', '[', 'true', 'false', ':', 'sleep']
const LANGUAGE = ['commands joined by ; && || or newlines', 'pipelines', '! before a pipeline', '> >> < and 2>&1', 'single and double quotes', '$NAME of the environment']

/**
 * `bash -c '…'` and `sh -c '…'` for lists of simple commands: enough for `kubectl exec pod -- bash -c "echo x >> file && pg_ctl reload"`.
 * Anything more of the language is an UnsupportedError. The full shell will take its place behind the same interface.
 * @param registry the programs of the place; @param files its files
 */
export function miniShell(registry: CommandRegistry, files: Files): readonly Command[] {
  return ['bash', 'sh'].map(name => ({
    name,
    summary: `${name} -c 'COMMANDS': ${LANGUAGE.join(', ')}`,
    check: argv => checkScript(argv, registry),
    latencyUs: () => 2_000,
    look: () => undefined,
    run: call => new Shell(registry, files, call).script(scriptOf(call.argv)),
  }))
}

/** The script of `bash -c SCRIPT`. @throws UnsupportedError for any other way to call the shell */
function scriptOf(argv: readonly string[]): Script {
  const flag = argv[1] ?? ''
  if (!/^-[elux]*c$/.test(flag) || argv[2] === undefined || argv.length > 3) throw new UnsupportedError(`\`${argv.join(' ')}\``, [`${argv[0]} -c 'COMMANDS'`])
  const script = parse(argv[2])
  const error = script.errors?.[0]
  if (error !== undefined) throw new UnsupportedError(`\`${argv[2]}\` is no script (${error.message})`, LANGUAGE)
  return script
}

function checkScript(argv: readonly string[], registry: CommandRegistry): readonly Finding[] {
  if (argv.slice(1, 3).some(word => word.includes('${'))) return []
  const findings: Finding[] = []
  const attempt = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error
      findings.push({ severity: 'error', message: error.message })
    }
  }
  attempt(() => {
    forEachCommand(scriptOf(argv), node => {
      attempt(() => {
        if (node.type !== 'Command') throw unsupported(node.type)
        const words = [node.name, ...node.args].filter(w => w !== undefined).map(w => (w.type === 'Word' ? wordText(w, () => '${x}') : w.text))
        for (const redirect of node.redirects) checkRedirect(redirect)
        const name = words[0] ?? 'true'
        if (registry.has(name)) findings.push(...registry.check(words))
        else if (FILTER_NAMES.includes(name) && name !== 'cat') filterOf(words)
        else if (!BUILTINS.includes(name)) findings.push(...registry.check(words))
      })
    })
  })
  return findings
}

function forEachCommand(script: Script | CompoundList, visit: (node: CommandNode) => void): void {
  const pipeline = (node: PipelineNode | AndOr): void => {
    if (node.type === 'AndOr') for (const inner of node.commands) pipeline(inner)
    else if (node.type === 'Pipeline') for (const inner of node.commands) visit(inner)
    else visit(node)
  }
  for (const statement of script.commands) pipeline(statement.command)
}

const unsupported = (what: string): UnsupportedError => new UnsupportedError(`this shell has no ${what}`, LANGUAGE)

function wordText(word: Word, variable: (name: string) => string): string {
  if (word.parts === undefined) return word.value
  const text = (parts: NonNullable<Word['parts']>): string =>
    parts
      .map(part => {
        switch (part.type) {
          case 'Literal':
          case 'SingleQuoted':
          case 'AnsiCQuoted':
            return part.value
          case 'DoubleQuoted':
            return text(part.parts)
          case 'Glob':
            return part.text
          case 'SimpleExpansion':
            return variable(part.text.slice(1))
          case 'ParameterExpansion':
            if (part.operation === undefined && part.prefix === undefined && part.index === undefined) return variable(part.parameter)
            throw unsupported(`\`${part.text}\``)
          default:
            throw unsupported(`\`${part.text}\``)
        }
      })
      .join('')
  return text(word.parts)
}

function checkRedirect(redirect: Redirection): void {
  if (redirect.type === 'Redirect' && !['>', '>>', '<', '>&', '&>'].includes(redirect.operator)) throw unsupported(`\`${redirect.operator}\``)
}

class Shell {
  private status = 0
  private out = ''
  private err = ''
  private count = 0
  private readonly stopOnError: boolean

  constructor(
    private readonly registry: CommandRegistry,
    private readonly files: Files,
    private readonly call: Call,
  ) {
    this.stopOnError = (call.argv[1] ?? '').includes('e')
  }

  *script(script: Script | CompoundList): Process<Output> {
    for (const statement of script.commands) {
      if (statement.background) throw unsupported('`&`')
      yield* this.list(statement.command)
      if (this.status !== 0 && this.stopOnError) break
    }
    return { out: this.out, err: this.err, code: this.status }
  }

  private *list(node: PipelineNode | AndOr): Process<void> {
    if (node.type !== 'AndOr') return yield* this.pipeline(node)
    yield* this.pipeline(node.commands[0] as PipelineNode)
    for (let i = 0; i < node.operators.length; i++) {
      if ((node.operators[i] === '&&') === (this.status === 0)) yield* this.pipeline(node.commands[i + 1] as PipelineNode)
    }
  }

  private *pipeline(node: PipelineNode): Process<void> {
    const commands = node.type === 'Pipeline' ? node.commands : [node]
    if (node.type === 'Pipeline' && node.prefixes.some(p => p.type === 'Time')) throw unsupported('`time`')
    let piped = this.call.stdin
    for (const command of commands) {
      if (command.type !== 'Command') throw unsupported(`\`${command.type.toLowerCase()}\``)
      const output = yield* this.redirected(command, piped)
      piped = output.out
      this.err += output.err
      this.status = output.code
    }
    this.out += piped
    if (node.type === 'Pipeline' && node.prefixes.length % 2 === 1) this.status = this.status === 0 ? 1 : 0
  }

  /** One simple command with its redirections, opened left to right before it runs, as a shell does. */
  private *redirected(node: Extract<CommandNode, { type: 'Command' }>, piped: string): Process<Output> {
    const variable = (name: string): string => (name === '?' ? String(this.status) : (this.call.env?.[name] ?? ''))
    const argv = [node.name, ...node.args].filter(w => w !== undefined).map(w => (w.type === 'Word' ? wordText(w, variable) : w.text))
    let stdin = piped
    let outFile: string | undefined
    let errTo: 'terminal' | 'out' | 'nowhere' = 'terminal'
    for (const redirect of node.redirects) {
      checkRedirect(redirect)
      if (redirect.type === 'HereString') stdin = `${redirect.target === undefined ? '' : wordText(redirect.target, variable)}\n`
      else if (redirect.type === 'HereDoc') stdin = redirect.body?.text ?? ''
      else {
        const target = redirect.target === undefined ? '' : wordText(redirect.target, variable)
        const from = redirect.descriptor?.type === 'FileDescriptor' ? redirect.descriptor.value : 1
        if (redirect.operator === '<') {
          const text = this.files.read(target)
          if (text === undefined) return failed(`${this.call.argv[0]}: ${target}: No such file or directory\n`)
          stdin = text
        } else if (redirect.operator === '>&') {
          if (from !== 2 || target !== '1') throw unsupported(`\`${from}>&${target}\``)
          errTo = 'out'
        } else if (from === 2) {
          if (target !== '/dev/null') throw unsupported('a file for the error stream')
          errTo = 'nowhere'
        } else {
          const problem = redirect.operator === '>>' || target === '/dev/null' ? undefined : this.files.write(target, '')
          if (problem !== undefined) return failed(`${this.call.argv[0]}: ${target}: ${problem}\n`)
          outFile = target
          if (redirect.operator === '&>') errTo = 'out'
        }
      }
    }
    const output = yield* this.program(argv, stdin)
    return this.deliver(output, outFile, errTo)
  }

  private deliver(output: Output, outFile: string | undefined, errTo: 'terminal' | 'out' | 'nowhere'): Output {
    const text = errTo === 'out' ? output.out + output.err : output.out
    const err = errTo === 'terminal' ? output.err : ''
    if (outFile === undefined) return { out: text, err, code: output.code }
    if (outFile === '/dev/null') return { out: '', err, code: output.code }
    const problem = this.files.write(outFile, (this.files.read(outFile) ?? '') + text)
    return problem === undefined ? { out: '', err, code: output.code } : failed(`${err}${this.call.argv[0]}: ${outFile}: ${problem}\n`)
  }

  private *program(argv: readonly string[], stdin: string): Process<Output> {
    const name = argv[0]
    if (name === undefined) return ok()
    if (this.registry.has(name)) {
      this.count += 1
      const call: { -readonly [K in keyof Call]: Call[K] } = { argv, stdin, key: `${this.call.key}/sh${this.count}`, nth: this.call.nth }
      if (this.call.user !== undefined) call.user = this.call.user
      if (this.call.env !== undefined) call.env = this.call.env
      return yield* this.registry.run(call)
    }
    if (name === 'sleep') {
      const seconds = Number((argv[1] ?? '').replace(/s$/, ''))
      if (!Number.isFinite(seconds)) return failed(`sleep: invalid time interval '${argv[1]}'\n`)
      yield seconds * 1_000_000
      return ok()
    }
    const own = this.builtin(argv)
    if (own !== undefined) return own
    const filter = filterOf(argv)
    if (filter === undefined) return yield* this.registry.run({ ...this.call, argv, stdin })
    return filter(stdin)
  }

  private builtin(argv: readonly string[]): Output | undefined {
    const paths = argv.slice(1).filter(a => !a.startsWith('-'))
    switch (argv[0]) {
      case ':':
        return ok()
      case 'cat':
        return paths.length === 0 ? undefined : this.cat(paths)
      case 'touch':
        return this.each(paths, path => (this.files.kind(path) === undefined ? this.files.write(path, '') : undefined), path => `touch: cannot touch '${path}'`)
      case 'rm': {
        const forced = argv.some(a => /^-[a-zA-Z]*f/.test(a))
        const remove = (path: string): string | undefined => (this.files.kind(path) === undefined ? (forced ? undefined : 'No such file or directory') : this.files.remove(path))
        return this.each(paths, remove, path => `rm: cannot remove '${path}'`)
      }
      case 'test':
        return this.tested(argv.slice(1))
      case '[':
        if (argv[argv.length - 1] !== ']') return failed(`${this.call.argv[0]}: line 1: [: missing \`]'\n`, 2)
        return this.tested(argv.slice(1, -1))
      default:
        return undefined
    }
  }

  private cat(paths: readonly string[]): Output {
    let out = ''
    for (const path of paths) {
      const text = this.files.read(path)
      if (text === undefined) return failed(`cat: ${path}: No such file or directory\n`, 1, out)
      out += text
    }
    return ok(out)
  }

  private each(paths: readonly string[], act: (path: string) => string | undefined, message: (path: string) => string): Output {
    const errors = paths.map(path => [path, act(path)] as const).filter(([, problem]) => problem !== undefined)
    return errors.length === 0 ? ok() : failed(errors.map(([path, problem]) => `${message(path)}: ${problem}\n`).join(''))
  }

  private tested(args: readonly string[]): Output {
    const [a = '', operator = '', c = ''] = args[0] === '!' ? args.slice(1) : args
    // An empty variable in a numeric test is an error with status 2 in bash, not a zero.
    const wrong = /^-(?:eq|ne|lt|le|gt|ge)$/.test(operator) ? [a, c].find(n => !/^\s*-?\d+\s*$/.test(n)) : undefined
    if (wrong !== undefined) return failed(`${this.call.argv[0]}: line 1: [: ${wrong}: integer expression expected\n`, 2)
    return { out: '', err: '', code: this.test(args) ? 0 : 1 }
  }

  private test(args: readonly string[]): boolean {
    const [a = '', b = '', c = ''] = args
    if (a === '!') return !this.test(args.slice(1))
    if (args.length <= 1) return a !== ''
    if (args.length === 2) {
      const kind = a === '-e' || a === '-f' || a === '-d' || a === '-s' ? this.files.kind(b) : undefined
      switch (a) {
        case '-n': return b !== ''
        case '-z': return b === ''
        case '-e': return kind !== undefined
        case '-f': return kind === 'f'
        case '-d': return kind === 'd'
        case '-s': return (this.files.read(b) ?? '') !== ''
      }
    }
    if (args.length === 3) {
      switch (b) {
        case '=': case '==': return a === c
        case '!=': return a !== c
        case '-eq': return Number(a) === Number(c)
        case '-ne': return Number(a) !== Number(c)
        case '-lt': return Number(a) < Number(c)
        case '-le': return Number(a) <= Number(c)
        case '-gt': return Number(a) > Number(c)
        case '-ge': return Number(a) >= Number(c)
      }
    }
    throw new UnsupportedError(`the test \`${args.join(' ')}\``, ['-n -z -e -f -d -s', '= !=', '-eq -ne -lt -le -gt -ge', '!'])
  }
}
