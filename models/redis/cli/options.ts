/** The command line of redis-cli. Source: redis-cli.c parseOptions (7.0.15). */

export interface CliOptions {
  readonly host: string | undefined
  readonly port: number
  readonly password: string | undefined
  readonly warnsOfPassword: boolean
  /** -c: follows redirections. */
  readonly follows: boolean
  /** -e: exit status 1 when the answer is an error. */
  readonly strict: boolean
  readonly raw: boolean
  /** `--cluster SUBCOMMAND ARGUMENTS`. */
  readonly tool: readonly string[] | undefined
  readonly words: readonly string[]
  readonly version: boolean
}

export interface Refusal {
  readonly refused: string
}

const VALUED = new Set(['-h', '-p', '-a', '--pass', '--user', '-n', '-t', '-r', '-i'])
/** Options of `--cluster` that take a value. */
const TOOL_VALUED = new Set(['--cluster-replicas', '--cluster-master-id', '--cluster-from', '--cluster-to', '--cluster-slots', '--cluster-timeout', '--cluster-pipeline', '--cluster-threshold', '--cluster-weight', '--cluster-from-user', '--cluster-from-pass'])
export const SUPPORTED = ['-h', '-p', '-a', '--pass', '--user', '--no-auth-warning', '-n 0', '-c', '-e', '--raw', '--no-raw', '--cluster check|info|call|add-node|del-node|reshard|rebalance|fix', '--version']

/** Options end at the first word that is none; what follows is the command. */
export function parse(argv: readonly string[], env: Readonly<Record<string, string>> = {}): CliOptions | Refusal {
  let host: string | undefined
  let port = 6379
  let password: string | undefined = env.REDISCLI_AUTH
  let given = false
  let warns = true
  let follows = false
  let strict = false
  let raw = true
  // Its words end at the first option; options of its own follow, or those of every redis-cli.
  let tool: readonly string[] | undefined
  let version = false
  let i = 1
  for (; i < argv.length; i++) {
    const word = argv[i] as string
    if (!word.startsWith('-') || word === '-') break
    if (VALUED.has(word) && i + 1 >= argv.length) return { refused: `Unrecognized option or bad number of args for: '${word}'` }
    if (word === '-h') host = argv[++i]
    else if (word === '-p') {
      port = Number(argv[++i])
      if (!Number.isInteger(port) && !(argv[i] ?? '').includes('${')) return { refused: 'Invalid server port.' }
    } else if (word === '-a' || word === '--pass') {
      password = argv[++i]
      given = true
    } else if (word === '--user' || word === '-t') i++
    else if (word === '-n') {
      if (argv[++i] !== '0') return { refused: `unmodelled: database ${argv[i]}: a cluster has database 0 only` }
    } else if (word === '-r' || word === '-i') return { refused: `unmodelled: ${word}` }
    else if (word === '--no-auth-warning') warns = false
    else if (word === '-c') follows = true
    else if (word === '-e') strict = true
    else if (word === '--raw') raw = true
    else if (word === '--no-raw') raw = false
    else if (word === '--version' || word === '-v') version = true
    else if (word === '--cluster') {
      const words: string[] = []
      while (i + 1 < argv.length && !(argv[i + 1] as string).startsWith('-')) words.push(argv[++i] as string)
      tool = words
    } else if (tool !== undefined && word.startsWith('--cluster-')) {
      tool = [...tool, word]
      if (TOOL_VALUED.has(word) && i + 1 < argv.length) tool = [...tool, argv[++i] as string]
      // Several weights may follow.
      while (word === '--cluster-weight' && argv[i + 1]?.includes('=') === true) tool = [...tool, argv[++i] as string]
    } else if (KNOWN.has(word)) return { refused: `unmodelled: ${word}${NAMELESS.has(word) ? ` (${NAMELESS_WHY})` : ''}` }
    else return { refused: `Unrecognized option or bad number of args for: '${word}'` }
  }
  return { host, port, password, warnsOfPassword: given && warns, follows, strict, raw, tool, words: tool === undefined ? argv.slice(i) : [], version }
}

export const NAMELESS_WHY = 'the keys of the load have no names; `dbsize` and `info keyspace` count them'
const NAMELESS = new Set(['--scan', '--bigkeys', '--memkeys', '--hotkeys'])

/** Options of the real one that are not modelled: asking for them is refused by `check`, not by redis-cli. */
const KNOWN = new Set(['-s', '-u', '-3', '-x', '-X', '-d', '-D', '--csv', '--json', '--quoted-json', '--latency', '--latency-history', '--latency-dist', '--replica', '--rdb', '--functions-rdb', '--pipe', '--bigkeys', '--memkeys', '--hotkeys', '--scan', '--stat', '--eval', '--ldb', '--intrinsic-latency', '--tls', '--sni', '--cacert', '--cert', '--key', '--insecure', '--askpass', '--show-pushes', '--lru-test', '--verbose', '--help', '--quoted-input', '--pattern', '--count'])
