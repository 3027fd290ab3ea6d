/** What the tools of a container have in common: their place, and how they read their words. */
import type { Process } from '../../src/kernel/index.ts'
import { type Call, type Command, type Finding, type Look, ok, type Output } from '../../src/operator/command.ts'
import type { DataDirectory } from './datadir.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** What the tools of one container work on. */
export interface Inside {
  readonly world: World
  readonly pod: string
  readonly place: () => string
  readonly user: string
  readonly server: () => Server | undefined
  readonly dir: () => DataDirectory | undefined
  /** Starts the server again in a container whose main process is a supervisor. False if there is none to do it. */
  readonly start: () => boolean
  /** What lies on its volume from here on is this. */
  readonly adopt: (dir: DataDirectory) => void
}

export interface Flag {
  readonly names: readonly string[]
  readonly takesValue: boolean
}

export interface Parsed {
  readonly flags: ReadonlyMap<string, string>
  readonly rest: readonly string[]
  readonly unknown: readonly string[]
}

/** Splits an argument vector by the flags a tool has: `-t 5`, `-t5`, `--timeout=5`, `--timeout 5`, and bare words. */
export function parseFlags(argv: readonly string[], flags: readonly Flag[]): Parsed {
  const found = new Map<string, string>()
  const rest: string[] = []
  const unknown: string[] = []
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (!word.startsWith('-') || word === '-') {
      rest.push(word)
      continue
    }
    const equals = word.indexOf('=')
    const name = word.startsWith('--') ? (equals < 0 ? word : word.slice(0, equals)) : word.slice(0, 2)
    const flag = flags.find(f => f.names.includes(name))
    if (flag === undefined) {
      unknown.push(name)
      continue
    }
    const key = flag.names[0] as string
    if (!flag.takesValue) found.set(key, 'true')
    else if (word.startsWith('--') && equals >= 0) found.set(key, word.slice(equals + 1))
    else if (!word.startsWith('--') && word.length > 2) found.set(key, word.slice(2))
    else found.set(key, argv[++i] ?? '')
  }
  return { flags: found, rest, unknown }
}

export function findings(tool: string, parsed: Parsed, flags: readonly Flag[]): Finding[] {
  return parsed.unknown.map(name => ({ severity: 'error' as const, message: `${tool}: the option ${name} is not modelled; supported: ${flags.flatMap(f => f.names).join(' ')}` }))
}

export const flag = (...names: string[]): Flag => ({ names, takesValue: false })
export const valued = (...names: string[]): Flag => ({ names, takesValue: true })

/** A tool that only reads: judged at one instant after `latencyUs`. */
export function reader(name: string, summary: string, flags: readonly Flag[], read: (parsed: Parsed, call: Call) => Output): Command {
  return {
    name,
    summary,
    check: argv => findings(name, parseFlags(argv, flags), flags),
    latencyUs: () => 10_000,
    look: (call): Look => ({ output: read(parseFlags(call.argv, flags), call), afterUs: 2_000, stableUntilUs: 0 }),
    *run(): Process<Output> {
      return ok()
    },
  }
}

/** A tool with effects. */
export function doer(name: string, summary: string, flags: readonly Flag[], act: (parsed: Parsed, call: Call) => Process<Output>, more: { readonly verbs?: readonly string[]; readonly pgdata?: { readonly of: Inside; readonly flag: string } } = {}): Command {
  const { verbs, pgdata } = more
  return {
    name,
    summary,
    check(argv) {
      const parsed = parseFlags(argv, flags)
      const verb = parsed.rest[0]
      const bad = verbs !== undefined && verb !== undefined && !verb.includes('${') && !verbs.includes(verb)
      return [...findings(name, parsed, flags), ...(bad ? [{ severity: 'error' as const, message: `${name}: the operation \`${verb}\` is not modelled; supported: ${verbs.join(', ')}` }] : []), ...(pgdata === undefined ? [] : dataDirectoryFindings(pgdata.of, name, parsed, pgdata.flag))]
    },
    latencyUs: () => 5_000,
    intent: argv => (name === 'pg_ctl' && parseFlags(argv, flags).rest[0] === 'status' ? 'reads' : 'acts'),
    look: () => undefined,
    run: call => act(parseFlags(call.argv, flags), call),
  }
}

/** A directory that is not PGDATA, as `-D` names it; undefined: PGDATA itself, or none named (the image sets PGDATA). */
export function elsewhere({ world }: Inside, parsed: Parsed, flagged = '-D'): string | undefined {
  const named = parsed.flags.get(flagged)
  return named === undefined || named.replace(/\/+$/, '') === world.options.dataDirectory ? undefined : named
}

/** What `check` says of a data directory that the container does not have (rule PG-EXEC-2). */
export function dataDirectoryFindings(inside: Inside, tool: string, parsed: Parsed, flagged?: string): Finding[] {
  const named = elsewhere(inside, parsed, flagged)
  return named === undefined || /[$`*?]/.test(named) ? [] : [{ severity: 'error', message: `${tool}: there is no data directory \`${named}\` in the container: PGDATA is ${inside.world.options.dataDirectory}. If yours is there: \`--set cluster.dataDirectory=${named}\`` }]
}

