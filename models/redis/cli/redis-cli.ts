/** The program redis-cli: connects, asks, prints. An error that the server answers is exit status 0, unless -e (rule RD-CLI-1). */
import { MILLISECOND, NEVER, type Process, Signal, type Us } from '../../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Intent, type Look, ok, type Output } from '../../../src/operator/command.ts'
import { rememberedByWords } from '../../../src/operator/remembered.ts'
import type { World } from '../world.ts'
import { COMMAND_NAMES, intentOf, isModelled, prepare } from './commands.ts'
import { type CliOptions, parse, type Refusal, SUPPORTED } from './options.ts'
import { type Place, reach } from './reach.ts'
import { formatted, isError, raw, type Reply } from './reply.ts'
import { callAll } from './call.ts'
import { addNode, contact, deleteNode } from './membership.ts'
import { fix, rebalance, reshard } from './moves.ts'
import { checkTool, toolFindings } from './tool.ts'

const readArgv = rememberedByWords(argv => parse(argv))
const optionsOf = (call: Pick<Call, 'argv' | 'env'>): CliOptions | Refusal => (call.env?.REDISCLI_AUTH === undefined ? readArgv(call.argv) : parse(call.argv, call.env))

export function redisCli(world: World, from: Place): Command {
  const { chance } = world.sim
  return {
    name: 'redis-cli',
    summary: 'asks a Redis server and prints its answer',
    check,
    latencyUs: call => Math.round((world.options.profile === 'lab' ? 1 : 2) * MILLISECOND + chance.draw(call.key, 'redis-cli', call.nth) * 6 * MILLISECOND),
    latencyBoundUs: () => 8 * MILLISECOND,
    intent,
    readsInput: argv => {
      const options = readArgv(argv)
      return !('refused' in options) && asksPerson(options)
    },
    look: call => look(world, from, call),
    run: call => run(world, from, call),
  }
}

function intent(argv: readonly string[]): Intent | undefined {
  const options = readArgv(argv)
  if ('refused' in options) return undefined
  if (options.tool !== undefined) return options.tool[0] === 'check' || options.tool[0] === 'info' ? 'reads' : options.tool[0] === 'call' ? intentOf(options.tool.slice(2)) : 'acts'
  return options.version ? 'reads' : intentOf(options.words)
}

function check(argv: readonly string[]): readonly Finding[] {
  const options = readArgv(argv)
  const error = (message: string): readonly Finding[] => [{ severity: 'error', message }]
  if ('refused' in options) {
    const what = options.refused.startsWith('unmodelled: ') ? options.refused.slice(12).replace(/^-\S+/, '`$&` of redis-cli is not modelled') : options.refused
    return error(`${what}; options are ${SUPPORTED.join(', ')}`)
  }
  if (options.tool !== undefined) return toolFindings(options.tool)
  if (options.words.length === 0 && !options.version) return error('redis-cli without a command waits for a person to type; give it one')
  const not = isModelled(options.words)
  return not === undefined ? [] : error(`${not}; there are: ${COMMAND_NAMES.join(', ')}`)
}

/** Everything that can be told at this instant; undefined when something has to be done or waited for. */
function look(world: World, from: Place, call: Call): Look | undefined {
  const options = optionsOf(call)
  const fixed = (output: Output, afterUs: Us = 0): Look => ({ output, afterUs, stableUntilUs: NEVER })
  if ('refused' in options) return fixed(failed(`${options.refused}\n`))
  if (options.version) return fixed(ok('redis-cli 7.0.15\n'))
  if (options.tool !== undefined) {
    const [sub = ''] = options.tool
    if (!allowed(world, options)) return undefined
    if (Object.hasOwn(TOOLS, sub)) return undefined
    const output = checkTool(world, from, options.tool)
    return { output, afterUs: 20 * MILLISECOND, stableUntilUs: world.sim.now }
  }
  const server = reach(world, from, options.host, options.port)
  if ('hangs' in server) return undefined
  if ('error' in server) return fixed(failed(`${server.error}\n`), server.afterUs)
  const no = unauthorised(world, options)
  if (no !== undefined) return fixed(print(no, options))
  const prepared = prepare(server, options.words)
  if (prepared.reply === undefined || (options.follows && movedTo(prepared.reply) !== undefined)) return undefined
  return { output: print(prepared.reply, options), afterUs: 200, stableUntilUs: prepared.moves ? world.sim.now : NEVER }
}

/** A question that the words do not answer: `yes` may come by standard input. */
function asksPerson({ tool }: CliOptions): boolean {
  return tool?.[0] === 'reshard' && !tool.includes('--cluster-yes')
}

/** Parts of `--cluster` that take their time. */
const TOOLS: Readonly<Record<string, (world: World, from: Place, words: readonly string[], stdin: string) => Process<Output>>> = { 'add-node': addNode, 'del-node': deleteNode, call: callAll, reshard, rebalance, fix }

function* useTool(world: World, from: Place, options: CliOptions, stdin: string): Process<Output> {
  const [sub = '', ...words] = options.tool ?? []
  if (!allowed(world, options)) {
    // The first node that it asks is the last word of those that bring another one along.
    const target = words[sub === 'add-node' ? 1 : 0] ?? ''
    const node = yield* contact(world, from, target)
    return typeof node === 'string' ? failed(node) : { out: `\u001b[31;1m[ERR] Node ${target} NOAUTH Authentication required.\n\u001b[0m`, err: '', code: 1 }
  }
  const tool = TOOLS[sub]
  if (tool === undefined) return failed('Unknown --cluster subcommand\n')
  const output = yield* tool(world, from, words, stdin)
  return options.warnsOfPassword ? { ...output, err: `${WARNING}${output.err}` } : output
}

function allowed(world: World, options: CliOptions): boolean {
  return world.options.password === '' || options.password === world.options.password
}

const WARNING = "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n"

function unauthorised(world: World, options: CliOptions): Reply | undefined {
  const { password } = world.options
  if (password === '') return undefined
  const first = (options.words[0] ?? '').toLowerCase()
  return options.password === password || first === 'hello' || first === 'auth' ? undefined : { error: 'NOAUTH Authentication required.' }
}

function movedTo(reply: Reply): string | undefined {
  return isError(reply) ? /^MOVED \d+ ([\d.]+):\d+$/.exec(reply.error)?.[1] : undefined
}

function print(reply: Reply, options: CliOptions): Output {
  const warning = options.warnsOfPassword ? WARNING : ''
  const code = options.strict && isError(reply) ? 1 : 0
  // With -e an error goes to standard error.
  if (code === 1 && isError(reply)) return failed(`${warning}${reply.error}\n`)
  // Of commands whose answers are printed as they are an error is, too: no empty line follows.
  if (isError(reply) && printsAsIs(options.words)) return { out: `${reply.error}\n`, err: warning, code }
  return { out: options.raw ? raw(reply) : formatted(reply), err: warning, code }
}

/** Source: redis-cli.c isOutputRaw. */
function printsAsIs([first = '', second = '']: readonly string[]): boolean {
  const name = first.toLowerCase()
  const sub = second.toLowerCase()
  return name === 'info' || (name === 'cluster' && (sub === 'nodes' || sub === 'info')) || (name === 'client' && (sub === 'list' || sub === 'info'))
}

function* run(world: World, from: Place, call: Call): Process<Output> {
  const options = optionsOf(call) as CliOptions
  if (options.tool !== undefined) return yield* useTool(world, from, options, asksPerson(options) ? call.stdin : '')
  let { host } = options
  for (let hops = 0; ; hops++) {
    const server = reach(world, from, host, options.port)
    if ('hangs' in server) {
      const moved = new Signal()
      const forget = world.onTopology(() => moved.fire())
      yield moved
      forget()
      if (!server.hangs.alive) return failed('Error: Server closed the connection\n')
      continue
    }
    if ('error' in server) {
      yield server.afterUs
      return failed(`${server.error}\n`)
    }
    const prepared = prepare(server, options.words)
    const reply = prepared.reply ?? (yield* (prepared.run as NonNullable<typeof prepared.run>)(server))
    const next = options.follows && hops < 5 ? movedTo(reply) : undefined
    if (next !== undefined) {
      host = next
      continue
    }
    yield 200
    if (!server.alive && isError(reply) && reply.error === '') return failed('Error: Server closed the connection\n')
    return print(reply, options)
  }
}
