/** kubectl's command-line grammar: `--flag value`, `--flag=value`, `-n ns`, `-ojson`, `-it`, and what follows `--`. */

import { valueProblem } from './values.ts'

/** What a flag takes: a value (any text, a duration, a whole number), nothing, or an optional `=value` (`--wait`, `--wait=false`). */
export type FlagKind = 'text' | 'duration' | 'int' | 'switch' | 'optional'
export type FlagSpec = Readonly<Record<string, FlagKind>>

export interface Arguments {
  readonly positional: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  /** Flags that may be given several times keep all their values here. */
  readonly repeated: ReadonlyMap<string, readonly string[]>
  /** What follows `--`; undefined when there is no `--`. */
  readonly rest: readonly string[] | undefined
  /** kubectl's complaint about the first malformed argument. */
  readonly problem: string | undefined
}

const SHORT: Readonly<Record<string, string>> = { n: 'namespace', l: 'selector', o: 'output', w: 'watch', c: 'container', i: 'stdin', t: 'tty', p: 'patch', f: 'filename', A: 'all-namespaces', L: 'label-columns', q: 'quiet' }

/** Flags that every verb takes. */
export const GLOBAL_FLAGS: FlagSpec = { namespace: 'text', context: 'text', 'request-timeout': 'text' }

/** Global flags of the real kubectl. Source: kubectl options, 1.30. */
export const REAL_GLOBAL_FLAGS: ReadonlySet<string> = new Set([
  'as', 'as-group', 'as-uid', 'cache-dir', 'certificate-authority', 'client-certificate', 'client-key', 'cluster', 'context', 'disable-compression', 'insecure-skip-tls-verify', 'kubeconfig', 'log-flush-frequency',
  'match-server-version', 'namespace', 'password', 'profile', 'profile-output', 'request-timeout', 'server', 'tls-server-name', 'token', 'user', 'username', 'v', 'vmodule', 'warnings-as-errors',
])

/** @param letters what single letters mean to this verb alone. Parses what follows the verb. Words that are not known yet (`${…}`) pass as plain words. */
export function parseArguments(words: readonly string[], spec: FlagSpec, letters: Readonly<Record<string, string>> = {}): Arguments {
  const positional: string[] = []
  const flags = new Map<string, string>()
  const repeated = new Map<string, string[]>()
  let problem: string | undefined
  let rest: readonly string[] | undefined
  const set = (name: string, value: string) => {
    const kind = spec[name]
    if (kind === 'duration' || kind === 'int') problem ??= valueProblem(name, kind, value)
    flags.set(name, value)
    const values = repeated.get(name)
    if (values === undefined) repeated.set(name, [value])
    else values.push(value)
  }
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    if (word === '--') {
      rest = words.slice(i + 1)
      break
    }
    if (!word.startsWith('-') || word === '-') {
      positional.push(word)
      continue
    }
    const expanded = word.startsWith('--') ? [long(word)] : short(word, spec, { ...SHORT, ...letters })
    for (const flag of expanded) {
      const kind = spec[flag.name]
      if (kind === undefined) problem ??= word.startsWith('--') ? `unknown flag: --${flag.name}` : `unknown shorthand flag: '${flag.name}' in ${word}`
      else if (!takesValue(kind)) set(flag.name, flag.value ?? 'true')
      else if (flag.value !== undefined) set(flag.name, flag.value)
      else if (i + 1 < words.length) set(flag.name, words[++i] as string)
      else problem ??= `flag needs an argument: ${word}`
    }
  }
  return { positional, flags, repeated, rest, problem }
}

const takesValue = (kind: FlagKind | undefined): boolean => kind === 'text' || kind === 'duration' || kind === 'int'

interface Flag {
  readonly name: string
  readonly value: string | undefined
}

function long(word: string): Flag {
  const equals = word.indexOf('=')
  return equals < 0 ? { name: word.slice(2), value: undefined } : { name: word.slice(2, equals), value: word.slice(equals + 1) }
}

/** `-n ns`, `-nns`, `-n=ns`, `-it`: letters up to the first that takes a value. */
function short(word: string, spec: FlagSpec, letters: Readonly<Record<string, string>>): Flag[] {
  const out: Flag[] = []
  for (let i = 1; i < word.length; i++) {
    const name = letters[word[i] as string] ?? (word[i] as string)
    if (takesValue(spec[name])) {
      const tail = word.slice(i + 1)
      out.push({ name, value: tail === '' ? undefined : tail.startsWith('=') ? tail.slice(1) : tail })
      return out
    }
    if (word[i + 1] === '=') {
      out.push({ name, value: word.slice(i + 2) })
      return out
    }
    out.push({ name, value: undefined })
  }
  return out
}
