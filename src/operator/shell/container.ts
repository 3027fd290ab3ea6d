import type { Process, Simulation } from '../../kernel/index.ts'
import { type Call, type Command, type CommandRegistry, type Finding, type Intent, type Output, UnsupportedError, recall, UTILITY_SUMMARY } from '../command.ts'
import { unsupportedIn, writtenArgv } from './check.ts'
import { type Files, MemoryFiles } from './files.ts'
import { ScriptRun, StuckError, UTILITY_NAMES } from './index.ts'
import { SyntaxError, parseScript } from './parse.ts'
import { parseOnce } from './session.ts'
import { Collector, LazySource } from './streams.ts'
import { everyNode } from './syntax.ts'

/**
 * `bash -c '…'` and `sh -c '…'` inside a container: the same interpreter as for a script, on the container's programs and files.
 * @param sim the simulation, or how to get at it once it runs; @param registry the programs of the place; @param files its files
 */
export function containerShell(sim: Simulation, registry: CommandRegistry, files: Files): readonly Command[] {
  return ['bash', 'sh'].map(name => ({
    name,
    summary: `${name} -c 'COMMANDS'`,
    check: argv => checkScript(argv, registry),
    latencyUs: () => 2_000,
    intent: argv => intentOfText(argv, registry),
    look: () => undefined,
    run: call => run(sim, registry, files, call),
  }))
}

/** Text programs that change what is on a disk, or a process. */
const CHANGING: ReadonlySet<string> = new Set(['rm', 'rmdir', 'cp', 'mv', 'touch', 'mkdir', 'tee', 'ln', 'chmod', 'chown', 'truncate', 'kill', 'pkill', 'install'])

/** What commands handed to a shell are written to do, all of them together. */
function intentOfText(argv: readonly string[], registry: CommandRegistry): Intent | undefined {
  try {
    const { text } = textOf(argv)
    const script = parseOnce(text, 'sh', 1)
    const found = new Set<Intent>()
    everyNode(script.body, node => {
      if (node.is !== 'simple') return
      const words = writtenArgv(node, NONE)
      const name = words[0] ?? ''
      if (CHANGING.has(name) || (name === 'sed' && words.some(word => /^-[a-zA-Z]*i/.test(word))) || node.redirections.some(r => r.is === 'file' && r.operator.includes('>') && r.target.constant !== '/dev/null')) found.add('acts')
      if (registry.has(name) && registry.get(name).summary !== UTILITY_SUMMARY) found.add(registry.intent(words))
    })
    return found.has('acts') ? 'acts' : found.has('waits') ? 'waits' : 'reads'
  } catch (error) {
    if (error instanceof UnsupportedError || error instanceof SyntaxError) return undefined
    throw error
  }
}

const NONE: ReadonlyMap<string, string> = new Map()

/** The options and the text of `bash -euo pipefail -c TEXT name arg…`. @throws UnsupportedError for any other way to call the shell */
function textOf(argv: readonly string[]): { text: string; letters: string; pipefail: boolean; rest: readonly string[] } {
  let letters = ''
  let pipefail = false
  let i = 1
  for (; i < argv.length && /^-[a-z]/.test(argv[i] as string); i++) {
    letters += (argv[i] as string).slice(1)
    if ((argv[i] as string).includes('o')) pipefail = argv[++i] === 'pipefail' || pipefail
  }
  const text = argv[i]
  if (!letters.includes('c') || text === undefined) throw new UnsupportedError(`\`${argv.join(' ')}\``, [`${argv[0]} -c 'COMMANDS'`])
  return { text, letters, pipefail, rest: argv.slice(i + 1) }
}

function* run(sim: Simulation, registry: CommandRegistry, files: Files, call: Call): Process<Output> {
  const { text, letters, pipefail, rest } = textOf(call.argv)
  const name = rest[0] ?? (call.argv[0] as string)
  let script
  try {
    script = parseOnce(text, name, 1)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { out: '', err: `${name}: -c: line ${error.line}: syntax error: ${error.what}\n`, code: 2 }
  }
  const host = { sim, registry, files, key: `${call.key}/sh`, user: call.user ?? 'root', runAs: call.user ?? 'root', hostname: call.env?.['HOSTNAME'] ?? 'container', epochSeconds: EPOCH_SECONDS, missing: 'not-found', costs: false, nth: call.nth } as const
  let started: ScriptRun | undefined
  const charge = (characters: number): void => started?.session.charge(characters)
  const out = new Collector(charge)
  const err = new Collector(charge)
  started = new ScriptRun(host, script, { name, args: rest.slice(1), env: call.env ?? {}, cwd: '/', out, err, in: new LazySource(() => call.stdin), set: { errexit: letters.includes('e'), nounset: letters.includes('u'), xtrace: letters.includes('x'), pipefail } })
  try {
    const code = yield* started.run()
    return { out: out.text, err: err.text, code }
  } catch (error) {
    if (!(error instanceof StuckError)) throw error
    return { out: out.text, err: `${err.text}${name}: ${error.message}\n`, code: 137 }
  } finally {
    started.stop()
  }
}

/** Text programs and tests as programs of a place, for calls without a shell: `kubectl exec pod -- cat FILE`. */
export function placeUtilities(sim: Simulation, registry: CommandRegistry, files: Files): readonly Command[] {
  const names = [...UTILITY_NAMES, 'echo', 'printf', 'test', '[', 'true', 'false', 'pwd', 'kill'].filter(name => !['bash', 'sh', 'dash'].includes(name) && !registry.has(name))
  return names.map(name => ({
    name,
    summary: UTILITY_SUMMARY,
    check: argv => (argv.some(a => a.includes('${')) ? [] : checkScript(['sh', '-c', quoted(argv)], registry)),
    latencyUs: () => 1_000,
    intent: argv => intentOfText(['sh', '-c', quoted(argv)], registry),
    look: () => undefined,
    run: call => run(sim, registry, files, recall(call, { argv: ['sh', '-c', quoted(call.argv)] })),
  }))
}

/** What every image has: the shell, text programs, and files that live as long as the container. */
export function withShell(sim: Simulation, registry: CommandRegistry, files: Files = new MemoryFiles()): CommandRegistry {
  registry.register(...containerShell(sim, registry, files))
  return registry.register(...placeUtilities(sim, registry, files))
}

const quoted = (argv: readonly string[]): string => argv.map(word => (/^[A-Za-z0-9_./:=@%+,-]+$|^\[$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ')

/** The simulation's instant 0, in seconds since 1970; whoever shows clocks has to agree on it. */
export const EPOCH_SECONDS = 1_767_225_600

function checkScript(argv: readonly string[], registry: CommandRegistry): readonly Finding[] {
  try {
    const { text } = textOf(argv)
    if (text.includes('${')) return []
    return unsupportedIn(parseScript(text, argv[0] as string), registry).map(f => ({ severity: f.severity, message: f.message }))
  } catch (error) {
    if (error instanceof UnsupportedError) return [{ severity: 'error', message: error.message }]
    if (error instanceof SyntaxError) return [{ severity: 'error', message: `no shell script: ${error.what}` }]
    throw error
  }
}

